"""The shop's customers who write English."""

from tickets.demo.scenes import Lines, Tongue

ENGLISH = Tongue(
    code="en",
    surnames=(
        "Walker",
        "Okafor",
        "Schmidt",
        "Rossi",
        "Novak",
        "Murphy",
        "Haddad",
        "Larsen",
        "Petrova",
        "Silva",
        "Dubois",
        "Tanaka",
        "Nguyen",
        "Clarke",
        "Fischer",
        "Moreau",
        "Kowalska",
        "Ahmed",
        "Lindqvist",
        "O'Brien",
    ),
    given=(
        "Emma",
        "Liam",
        "Sofia",
        "Noah",
        "Amara",
        "Lukas",
        "Chiara",
        "Jonas",
        "Layla",
        "Oscar",
        "Elena",
        "Mateo",
        "Hannah",
        "Kenji",
        "Marta",
        "Tom",
        "Zoe",
        "Ivan",
        "Grace",
        "Felix",
    ),
    products=(
        "linen tote",
        "canvas backpack",
        "leather belt bag",
        "silk scarf",
        "wool travel blanket",
        "rain poncho",
        "weekender",
        "felt laptop sleeve",
        "oak tea tray",
        "stoneware mug set",
    ),
    carriers=("DHL", "SF Express", "UPS", "4PX"),
    cities=("Berlin", "Dublin", "Lyon", "Singapore", "Toronto", "Leeds", "Utrecht"),
    thanks=(
        "Perfect, thank you!",
        "That was quick. Thanks a lot.",
        "Great, that solves it.",
        "Thank you for your help, {agent}.",
        "Brilliant, much appreciated.",
    ),
    nudges=(
        "Any news on this?",
        "Hello? I'm still waiting for an answer.",
        "Could somebody please look into this today?",
    ),
    lines={
        "parcel": Lines(
            ("Where is my parcel?", "Order {order} has not arrived", "Tracking stuck for {days} days"),
            (
                "Hello, my order {order} was handed to {carrier} and the tracking has not moved for {days} days. Could you find out where it is?",
                "Hi there, the {product} was supposed to arrive in {city} last week. Has it been lost?",
            ),
            (
                "Hello {name}, I'm sorry you are kept waiting. I have asked {carrier} for a trace of order {order}; they answer within one working day and I'll write as soon as I know more.",
                "Hi {name}, thank you for letting us know. The parcel is at the sorting centre near {city}. I've marked it as urgent with {carrier}.",
            ),
            (
                "The tracking still says the same. What happens if it is lost?",
                "I'm travelling from Friday on, could it go to a pick-up point?",
            ),
            (
                "Good news, {name}: {carrier} delivered the parcel to your pick-up point this morning. Please bring the code from the text message.",
                "{name}, the parcel is out for delivery today. Should it not arrive by tonight, we'll send a new {product} at no cost.",
            ),
            ("{carrier} trace opened. Call again tomorrow morning if there's no scan.",),
        ),
        "size": Lines(
            ("Exchange for another size", "{product} is too small"),
            (
                "The {product} from order {order} is lovely but too small. Can I exchange it for {size}?",
                "Hello, I ordered the wrong size of the {product}. Is {size} in stock, and who pays for sending it back?",
            ),
            (
                "Hello {name}, of course. {size} is in stock and set aside for you. The return label is free; drop the parcel at any {carrier} counter within 14 days.",
                "Hi {name}, no problem at all. I have sent the return label to your e-mail; the new one leaves as soon as the first is scanned.",
            ),
            ("Does the box need to be unopened?", "I've just dropped it off. When will the new one be sent?"),
            ("{name}, your {product} in {size} left our warehouse today. Thank you for your patience!",),
            ("Set aside one {size} in the warehouse until the return is scanned.",),
        ),
        "refund": Lines(
            ("When do I get my refund?", "Refund for order {order}"),
            (
                "I returned the {product} {days} days ago and have not seen the refund of {amount} yet.",
                "Your site says that order {order} was received, but my card shows nothing. When will the {amount} arrive?",
            ),
            (
                "Hello {name}, the return was checked yesterday and {amount} is on its way. Banks take three to five days to show it.",
                "Hi {name}, I'm sorry about the delay. The parcel is waiting at inspection; I've asked the warehouse to take it first today.",
            ),
            ("It has been five days now. Could you send me a reference for my bank?",),
            ("{name}, the refund of {amount} was booked today; the bank reference is in your order history.",),
            ("Inspection was backed up after the weekend. Warehouse takes it first.",),
        ),
        "damaged": Lines(
            ("Arrived broken", "{product} damaged on arrival"),
            (
                "My {product} arrived with a torn seam. I attach a photo. I'd like a new one, not a repair.",
                "The box was crushed and the {product} is scratched. This was meant to be a present for Saturday!",
            ),
            (
                "Hello {name}, I'm very sorry, that is not how our parcels should arrive. A new {product} leaves today by express, and you may keep the damaged one.",
                "Dear {name}, thank you for the photo and please accept our apology. Would you rather have a replacement or {amount} back?",
            ),
            ("A replacement please, if it gets here before Saturday.", "How could this leave your warehouse at all?"),
            ("{name}, your replacement was delivered this morning. I've added a small voucher as an apology.",),
            ("Third damaged {product} this week: told purchasing to look at the batch.",),
        ),
        "advice": Lines(
            ("Which size would you recommend?", "Question before I order"),
            (
                "Hi! I'm 1.64 m. Would the {product} in {size} be too large for me?",
                "Does a 14-inch laptop fit into the {product}? The page doesn't say.",
            ),
            (
                "Hello {name}, thank you for asking! I'd take {size}: it is cut generously. Here is the table with all measures.",
            ),
            ("And which colour is closest to navy?",),
            ("You're welcome, {name}. Returns are free for 30 days, so you can simply try it.",),
        ),
        "stock": Lines(
            ("Back in stock?", "When will the {product} be available again?"),
            (
                "The {product} has been sold out for weeks. Will you get more before Christmas?",
                "Can you tell me when {size} of the {product} is back?",
            ),
            (
                "Hi {name}, the next delivery is expected within {days} days. Shall I put you on the list and write to you first?",
            ),
            ("Yes please, put me on the list.",),
            ("Done, {name}: you'll get a message before the {product} goes back on sale.",),
        ),
        "address": Lines(
            ("Wrong address on order {order}", "Please change my delivery address"),
            (
                "I moved and forgot to change my address. Order {order} should go to {city} instead. Is it too late?",
                "There's a typo in the street of order {order}, please correct it before it is sent.",
            ),
            (
                "Hello {name}, you are in time: I have changed the address and you'll get a new confirmation in a moment.",
            ),
            ("I got the confirmation, but the flat number is missing.",),
            ("Corrected, {name}. The parcel leaves today with the right address.",),
        ),
        "cancel": Lines(
            ("Cancel order {order}",),
            (
                "I ordered the {product} twice by mistake. Please cancel order {order}.",
                "Can I still cancel order {order}? I found a better fit.",
            ),
            ("Hi {name}, order {order} is cancelled and {amount} goes back to your card.",),
            ("Thanks. Will the voucher I used come back as well?",),
            ("Yes, {name}: your voucher is valid again and shown in your account.",),
        ),
        "invoice": Lines(
            ("Invoice for order {order}", "Company invoice needed"),
            ("I need an invoice for order {order} with our company's VAT number; the details are attached.",),
            ("Hello {name}, thank you for the details. The invoice will be in your mailbox within one working day.",),
            ("The address on it is the old one. Could you correct that?",),
            ("{name}, the corrected invoice has just been sent. My apologies for the detour.",),
            ("Invoice request passed to finance.",),
        ),
        "coupon": Lines(
            ("My code does not work", "Voucher is rejected"),
            ("The code from your newsletter is rejected at the checkout although it is valid until Sunday.",),
            (
                "Hi {name}, the code needs an order of at least {amount}. If your basket is just below, I'm happy to make an exception.",
            ),
            ("It is 3 short. That would be kind!",),
            ("There you go, {name}: I've put a personal code into your account.",),
        ),
        "attitude": Lines(
            ("Complaint about your hotline", "Unfriendly service"),
            ("I called about order {order} yesterday and was cut off twice. That is no way to treat a customer.",),
            (
                "Dear {name}, I apologise for this experience. I have listened to what happened and spoken to my colleague. May I call you to settle your order myself?",
            ),
            ("Yes, after 5 pm please.",),
            ("Thank you for taking the time on the phone, {name}. Your order is settled, and the freight is on us.",),
            ("Manager informed; call back promised for 17:30.",),
        ),
        "missing": Lines(
            ("Something is missing in my parcel", "Order {order} incomplete"),
            ("Order {order} came today but the {product} is missing; only the other items were in the box.",),
            (
                "Hello {name}, I'm sorry! The scale at packing shows that one item was left out. It leaves today by express.",
            ),
            ("Will I have to pay freight again?",),
            ("No, {name}, of course not. The tracking number is in your mailbox.",),
        ),
        "payment": Lines(
            ("Payment failed but money is gone",),
            ("The checkout showed an error, yet {amount} was taken from my account. Order {order} says 'unpaid'.",),
            (
                "Hi {name}, I can see it: the bank confirmed late. Your payment is now assigned to order {order}, nothing more to do.",
            ),
            ("It still says unpaid on my side.",),
            ("Now it should read 'paid', {name}. Sorry for the scare!",),
        ),
        "care": Lines(
            ("How do I wash it?", "Care instructions"),
            ("How do I clean the {product} without ruining it?",),
            ("Hello {name}, lukewarm water, mild soap, and dry it flat in the shade. Please don't use a dryer.",),
            ("And what about an oil stain?",),
            ("Talcum powder overnight does wonders, {name}. Brush it off in the morning.",),
        ),
    },
)
