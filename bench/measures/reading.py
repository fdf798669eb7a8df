"""Pages and lists, asked over HTTP by one browser: the desk's web process against the bare one's."""

from collections.abc import Callable
from urllib.parse import quote

from bench.figures import Figure, Target, in_turn, ratio
from bench.house import House
from bench.servers import Server
from bench.stories import INTEGRATION
from bench.visiting import FRAGMENT, Visitor
from tickets.actions.conversing import Words, receive_message
from tickets.models import Status, Ticket

QUEUE = "/desk/rows/?view=unassigned"
LIST = "/api/v1/tickets/?status=new,open,pending,on_hold&ordering=due_at&limit=50"
MESSAGES_ON_PAGE = 50


def queue_fragment(house: House, web: Server, web_few: Server) -> list[Figure]:
    """The queue's first fifty rows as the desk swaps them."""
    many, few = (_asks(house, server, QUEUE, house.browser) for server in (web, web_few))
    rounds = in_turn(house.scale.rounds, many, few)
    return [ratio("queue fragment : with 1,000 tickets", "ms", rounds, Target(1.3, 1.1))]


def rest_queue(house: House, web: Server, bare: Server) -> list[Figure]:
    rounds = in_turn(house.scale.rounds, _asks(house, web, LIST, house.bearer), _bare_page(house, bare))
    return [ratio("queue over REST : bare page", "ms", rounds, Target(3, 2))]


def ticket_page(house: House, web: Server, bare: Server) -> list[Figure]:
    """The ticket with fifty messages, as the desk swaps it when it is chosen in the queue."""
    ticket = Ticket.objects.filter(status=Status.OPEN).order_by("id")[0]
    for _ in range(MESSAGES_ON_PAGE - ticket.messages.count()):
        receive_message(ticket, Words("收到两天就断了，怎么办？ It broke after two days."), by=INTEGRATION)
    page = _asks(house, web, f"/desk/tickets/{ticket.number}/", house.browser | {"HX-Target": "ticket"})
    rounds = in_turn(house.scale.rounds, page, _bare_page(house, bare))
    return [ratio("ticket page, 50 messages : bare page", "ms", rounds, Target(8, 5))]


def search(house: House, web: Server, words: str, name: str) -> list[Figure]:
    """The newest fifty that the words find, against the queue's fragment."""
    hits, queue = (_asks(house, web, path, house.browser) for path in (f"/desk/?q={quote(words)}", QUEUE))
    rounds = in_turn(house.scale.rounds, hits, queue)
    return [ratio(f"search, {name} : queue fragment", "ms", rounds, Target(3, 1.5))]


def _asks(house: House, server: Server, path: str, headers: dict[str, str]) -> Callable[[], float]:
    visitor = Visitor(server.port, headers if path.startswith("/api/") else headers | FRAGMENT)
    return lambda: visitor.milliseconds(path, house.scale.requests)


def _bare_page(house: House, bare: Server) -> Callable[[], float]:
    visitor = Visitor(bare.port, {})
    return lambda: visitor.milliseconds("/bare/page/", house.scale.requests)
