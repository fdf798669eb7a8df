"""From the event to the receiver: signed, once or more but recognisable, in parallel, patient for a day."""

import json
import threading
import time
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from servicedesk.actor import SYSTEM
from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.models import Event, EventPosition, WebhookDelivery, WebhookEndpoint
from servicedesk.webhooks import couriers, sending, settling
from servicedesk.webhooks.actions import (
    edit_endpoint,
    register_endpoint,
    resend_delivery,
    rotate_secret,
)
from servicedesk.webhooks.reactions import forget_old_deliveries
from servicedesk.webhooks.sending import send_due
from tests.patience import PATIENCE_SECONDS, wait_until
from tests.servicedesk.webhooks.conftest import happen

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hook(transactional_db, receiver):
    return register_endpoint(url=receiver.url, kinds=["parcel.*"], by=SYSTEM)


def test_an_event_arrives_signed_in_the_agreed_form(hook, receiver):
    (event,) = happen()
    assert send_due() == 1
    (got,) = receiver.received
    body = Webhook(hook.fresh_secret).verify(got.body, got.headers)
    position = EventPosition.objects.get(event=event).position
    assert body == {
        "type": "parcel.sent",
        "timestamp": event.at.replace(tzinfo=None).isoformat() + "Z",
        "data": {
            "event_id": str(event.pk),
            "position": position,
            "subject": {"type": "parcel", "id": str(event.subject_id), "number": "P-0"},
            "shop": None,
            "by": {"type": "system", "id": None},
            "changes": {"priority": "high"},
        },
    }
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(hook.fresh_secret).verify(got.body + b" ", got.headers)


def test_a_delivery_is_written_down_as_delivered(hook, receiver):
    happen()
    send_due()
    row = WebhookDelivery.objects.get()
    assert (row.status, row.attempts, row.last_status, row.message_id) == ("delivered", 1, 204, receiver.ids()[0])
    assert send_due() == 0
    hook.refresh_from_db()
    assert hook.last_success_at is not None


def test_during_a_change_of_secrets_both_verify(hook, receiver):
    rotated = rotate_secret(hook, by=SYSTEM)
    happen()
    send_due()
    (got,) = receiver.received
    Webhook(hook.fresh_secret).verify(got.body, got.headers)
    Webhook(rotated.fresh_secret).verify(got.body, got.headers)


def test_each_endpoint_that_wants_it_is_told_once(hook, new_receiver):
    second, third = new_receiver(), new_receiver()
    register_endpoint(url=second.url, kinds=["*"], by=SYSTEM)
    register_endpoint(url=third.url, kinds=["drone.*"], by=SYSTEM)
    happen(3)
    send_due()
    assert (len(second.received), len(third.received)) == (3, 0)
    assert WebhookDelivery.objects.count() == 6


def test_history_is_not_sent(hook, receiver):
    happen(historic=True)
    send_due()
    assert receiver.received == []


def test_news_of_webhooks_are_not_sent_by_webhook(receiver, transactional_db):
    endpoint = register_endpoint(url=receiver.url, kinds=["*"], by=SYSTEM)
    edit_endpoint(endpoint, kinds=["*", "parcel.sent"], by=SYSTEM)
    happen()
    send_due()
    assert [json.loads(got.body)["type"] for got in receiver.received] == ["parcel.sent"]


def test_a_failure_is_tried_again_with_the_same_id_and_body_after_growing_pauses(hook, receiver):
    receiver.answer = lambda _handler, number: 500 if number <= 3 else 200
    happen()
    moment = now()
    waits = []
    for _ in range(4):
        with time_machine.travel(moment):
            assert send_due() == 1
            row = WebhookDelivery.objects.get()
            waits.append((row.next_try_at - now()).total_seconds())
            assert send_due() == 0
        moment = row.next_try_at
    assert row.status == "delivered"
    assert (row.attempts, row.last_status, row.last_error) == (4, 200, "")
    assert len(set(receiver.ids())) == 1
    assert len({got.body for got in receiver.received}) == 1
    assert waits[0] < waits[1] < waits[2]


def test_after_a_day_it_is_given_up_and_told(hook, receiver):
    receiver.answer = lambda _handler, _number: 503
    happen()
    moment = began = now()
    while WebhookDelivery.objects.get().status == "pending":
        with time_machine.travel(moment):
            assert send_due() == 1
        moment = WebhookDelivery.objects.get().next_try_at
    row = WebhookDelivery.objects.get()
    assert (row.status, row.last_status) == ("failed", 503)
    assert timedelta(hours=20) < moment - began < timedelta(hours=32)
    assert 10 <= row.attempts <= 15
    told = Event.objects.get(kind="webhook.delivery_failed")
    assert (told.subject_id, told.changes["status"]) == (hook.pk, 503)
    receiver.answer = lambda _handler, _number: 200
    with time_machine.travel(moment):
        resend_delivery(row, by=SYSTEM)
        send_due()
    row.refresh_from_db()
    assert (row.status, len(set(receiver.ids()))) == ("delivered", 1)


def test_a_receiver_that_is_gone_for_good_is_asked_no_more(hook, receiver):
    receiver.answer = lambda _handler, _number: 410
    happen(3)
    send_due()
    hook.refresh_from_db()
    assert hook.state == "gone"
    assert Event.objects.filter(kind="webhook.gone", subject_id=hook.pk).count() == 1
    happen()
    assert send_due() == 0


def test_a_paused_endpoint_gets_what_waited_when_it_goes_on(hook, receiver):
    happen()
    edit_endpoint(hook, state="paused", by=SYSTEM)
    assert send_due() == 0
    edit_endpoint(hook, state="active", by=SYSTEM)
    assert send_due() == 1


def test_a_redirect_is_not_followed(hook, receiver, new_receiver):
    elsewhere = new_receiver()

    def redirect(handler, _number):
        handler.send_response(302)
        handler.send_header("Location", elsewhere.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answer = redirect
    happen()
    send_due()
    row = WebhookDelivery.objects.get()
    assert (row.status, row.last_status, row.last_error) == ("pending", 302, "redirected")
    assert elsewhere.received == []


def test_a_receiver_that_asks_for_time_gets_it(hook, receiver):
    def later(handler, _number):
        handler.send_response(429)
        handler.send_header("Retry-After", "120")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.answer = later
    happen()
    send_due()
    assert WebhookDelivery.objects.get().next_try_at > now() + timedelta(seconds=115)


def test_an_endless_answer_is_not_read_to_its_end(hook, receiver):
    def endless(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        try:
            for _ in range(1000):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            handler.close_connection = True

    receiver.answer = endless
    happen()
    send_due()
    assert WebhookDelivery.objects.get().status == "delivered"


def test_a_name_that_leads_inside_is_refused_at_sending(hook, receiver, settings):
    happen()
    settings.WEBHOOK_ALLOW_NETWORKS = []
    send_due()
    row = WebhookDelivery.objects.get()
    assert (row.status, row.last_status, row.last_error) == ("pending", None, "address_refused")
    assert receiver.received == []


def test_a_closed_door_and_a_name_that_does_not_exist_are_told_apart(transactional_db, receiver, monkeypatch):
    register_endpoint(url="http://127.0.0.1:9/", kinds=["*"], by=SYSTEM)
    register_endpoint(url="http://no-such-name.invalid/", kinds=["*"], by=SYSTEM)
    register_endpoint(url=receiver.url.replace("http:", "https:"), kinds=["*"], by=SYSTEM)
    happen()
    send_due()
    errors = set(WebhookDelivery.objects.values_list("last_error", flat=True))
    assert errors == {"connection_failed", "name_unresolved", "tls_failed"}


def test_a_slow_drip_is_cut(hook, receiver, monkeypatch):
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 0.3)
    stop = threading.Event()

    def drip(handler, _number):
        for _ in range(200):
            if stop.wait(0.1):
                break
            try:
                handler.wfile.write(b"H")
                handler.wfile.flush()
            except OSError:
                break
        handler.close_connection = True

    receiver.answer = drip
    happen()
    began = time.monotonic()
    send_due()
    stop.set()
    assert time.monotonic() - began < 15  # the drip would go on for 20
    assert WebhookDelivery.objects.get().last_error == "timeout"


def test_a_slow_endpoint_holds_up_nobody_else(hook, receiver, new_receiver):
    gate = threading.Event()

    def wait(_handler, _number):
        gate.wait(PATIENCE_SECONDS)
        return 200

    receiver.answer = wait
    happen(60)  # for the slow one only
    quick = new_receiver()
    register_endpoint(url=quick.url, kinds=["drone.*"], by=SYSTEM)
    happen(20, kind="drone.landed")
    thread = threading.Thread(target=in_thread(lambda: send_due(seconds=PATIENCE_SECONDS)))
    thread.start()
    wait_until(lambda: len(quick.received) >= 20)
    arrived, at_once = len(quick.received), len(receiver.received)
    gate.set()
    thread.join()
    assert arrived == 20
    assert at_once <= sending.PER_ENDPOINT
    assert WebhookDelivery.objects.filter(status="delivered").count() == 80


def in_thread(function):
    def run():
        try:
            function()
        finally:
            connections.close_all()

    return run


def test_an_endpoint_that_keeps_failing_is_asked_one_at_a_time(hook, receiver):
    WebhookEndpoint.objects.update(failures_in_row=sending.DOUBTFUL_AFTER)
    under_way, most = [], []

    def count(_handler, _number):
        under_way.append(1)
        most.append(len(under_way))
        time.sleep(0.01)
        under_way.pop()
        return 500

    receiver.answer = count
    happen(6)
    send_due()
    assert max(most) == 1


def test_what_a_killed_sender_had_in_hand_goes_out_again_after_its_lease_with_the_same_id(hook, receiver):
    happen()
    run = sending.Sender()
    run._claim()  # and then the process dies
    (parcel,) = run.waiting[hook.pk]
    assert send_due() == 0
    with time_machine.travel(now() + sending.LEASE + timedelta(seconds=1)):
        assert send_due() == 1
    assert receiver.ids() == [parcel.headers["webhook-id"]]


def test_who_lost_its_lease_writes_nothing(hook, receiver):
    happen()
    run = sending.Sender()
    run._claim()
    (parcel,) = run.waiting[hook.pk]
    WebhookDelivery.objects.update(holder=new_id())
    settling.settle([couriers.Receipt(parcel, 200, "")], run.holder)
    settling.settle([couriers.Receipt(parcel, 500, "status")], run.holder)
    assert WebhookDelivery.objects.get().status == "pending"


def test_senders_side_by_side_send_each_delivery_once(hook, receiver):
    happen(120)
    runs = [sending.Sender() for _ in range(3)]
    threads = [
        threading.Thread(target=in_thread(lambda run=run: run.go(time.monotonic() + PATIENCE_SECONDS))) for run in runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.received) == 120
    assert len(set(receiver.ids())) == 120
    assert WebhookDelivery.objects.filter(status="delivered", attempts=1).count() == 120


def test_a_delivery_born_in_a_process_that_sends_leaves_with_its_commit(hook, receiver, monkeypatch):
    monkeypatch.setattr(sending.sender(), "is_at_work", True)
    happen(30)
    rows = WebhookDelivery.objects.values_list("holder", "attempts", "status").distinct()
    assert list(rows) == [(sending.sender().holder, 1, "pending")]
    wait_until(lambda: len(receiver.received) == 30)
    send_due()
    assert WebhookDelivery.objects.filter(status="delivered", attempts=1, holder=None).count() == 30
    assert len(set(receiver.ids())) == 30


def test_for_an_endpoint_that_fails_it_is_not_born_claimed(hook, receiver, monkeypatch):
    monkeypatch.setattr(sending.sender(), "is_at_work", True)
    WebhookEndpoint.objects.update(failures_in_row=1)
    happen()
    assert WebhookDelivery.objects.get().holder is None
    assert send_due() == 1


def test_what_was_born_claimed_and_never_left_goes_out_after_the_lease(hook, receiver, monkeypatch):
    monkeypatch.setattr(sending.sender(), "is_at_work", True)
    monkeypatch.setattr(sending.sender(), "take", lambda _parcels: None)  # the process dies after its commit
    happen()
    assert send_due() == 0
    with time_machine.travel(now() + sending.LEASE + timedelta(seconds=1)):
        assert send_due() == 1


def test_a_desk_that_stops_gives_back_what_has_not_left(hook, receiver, monkeypatch):
    happen(3)
    run = sending.Sender()
    run._claim()
    monkeypatch.setattr(sending, "is_stopping", lambda: True)
    assert run.go(time.monotonic() + 5) == 0
    assert WebhookDelivery.objects.filter(holder=None, attempts=0, next_try_at__lte=now()).count() == 3


def test_connections_are_kept(hook, receiver):
    happen(100)
    send_due()
    assert len(receiver.received) == 100
    assert len(receiver.connections) <= couriers.COURIERS


def test_two_hundred_at_once_cost_few_turns_at_the_database(hook, receiver):
    happen(200)
    with CaptureQueriesContext(connection) as queries:
        send_due()
    assert len(receiver.received) == 200
    claims = [query for query in queries if '"attempts" + 1' in query["sql"]]
    assert len(claims) <= 2


def test_what_was_settled_a_month_ago_is_cleared_away(hook, receiver):
    happen()
    send_due()
    assert forget_old_deliveries() == 0
    with time_machine.travel(now() + timedelta(days=31)):
        assert forget_old_deliveries() == 1
