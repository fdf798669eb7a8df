"""Send what is due: claim rows, hand them to couriers, write down how it went.

A claim is committed before anything leaves; `next_try_at` then lies a lease ahead, so that what a killed process had in
hand comes up again, with the same message id. One run a process at a time; a nudge that finds one under way wakes it.
A new delivery that is written down in a process that sends may be born claimed: it leaves as soon as it is committed.
"""

import os
import queue
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.hearing import changes_for
from servicedesk.ids import new_id
from servicedesk.models import Event, WebhookDelivery, WebhookEndpoint
from servicedesk.single_flight import SingleFlight
from servicedesk.webhooks.couriers import COURIERS, WHOLE_SECONDS, Parcel, Receipt, couriers
from servicedesk.webhooks.payload import body_of
from servicedesk.webhooks.settling import settle
from servicedesk.webhooks.signing import secrets_of, signed_headers

LEASE: Final = timedelta(seconds=40)
# At once for one endpoint, of all couriers; and claimed ahead for it, so that a burst costs few claims.
PER_ENDPOINT: Final = 12
AHEAD: Final = 200
# An endpoint that failed this often in a row is asked one at a time, until it answers well again.
DOUBTFUL_AFTER: Final = 3
# What was claimed and could not leave by then is left to its lease: another may have it before it would have left.
STALE_SECONDS: Final = 15.0
GATHER_SECONDS: Final = 0.02

_flight = SingleFlight()


def is_stopping() -> bool:
    """Whether this process's worker is told to end. Other processes queue as well, and never load the worker."""
    worker = sys.modules.get("servicedesk.worker")
    return worker is not None and worker.is_stopping()


def send_due(*, seconds: float = 20.0) -> int:
    """Send until nothing is due or the time is up. Returns how many tries were made; 0 when another run was woken."""
    _flight.ask()
    sender().wake()
    return _flight.run(lambda: sender().go(time.monotonic() + seconds))


class Sender:
    """One process's work on what is due, from the claim to the receipt.

    The thread that runs it talks to the database, where it may have to wait its turn. So the couriers themselves start
    what waits next, under `guard`; only receipts come back here.
    """

    def __init__(self) -> None:
        # Whether this process's worker comes by to settle what is handed over.
        self.is_at_work = False
        self.holder = new_id()
        self.in_hand: dict[UUID, Parcel] = {}
        self.waiting: defaultdict[UUID, deque[Parcel]] = defaultdict(deque)
        self.busy: Counter[UUID] = Counter()
        self.failures: Counter[UUID] = Counter()
        self.receipts: queue.SimpleQueue[Receipt | None] = queue.SimpleQueue()
        self.guard = threading.Lock()
        self.is_more_due = True
        self.tries = 0

    def wake(self) -> None:
        self.receipts.put(None)

    def go(self, until: float) -> int:
        """Returns how many tries were made. A desk that is stopping only waits for what is under way."""
        before = self.tries
        self.is_more_due = True
        while True:
            if is_stopping():
                self._give_back()
            elif time.monotonic() < until and (_flight.take_up() or self.is_more_due):
                self._claim()
            with self.guard:
                self._launch()
                if not self.in_hand and self.receipts.empty():
                    return self.tries - before
            if done := self._gather():
                settle(done, self.holder)

    def has_room_for(self, endpoint: WebhookEndpoint) -> bool:
        """Whether a new delivery may be born claimed: it would leave at once."""
        if not self.is_at_work or is_stopping() or endpoint.failures_in_row:
            return False
        return len(self.waiting.get(endpoint.pk, ())) < AHEAD and not self.failures[endpoint.pk]

    def take(self, parcels: Sequence[Parcel]) -> None:
        """New deliveries that were born claimed by this sender and have just been committed."""
        with self.guard:
            for parcel in parcels:
                self.waiting[parcel.endpoint_id].append(parcel)
            self._launch()

    def _give_back(self) -> None:
        with self.guard:
            parcels = [parcel for waiting in self.waiting.values() for parcel in waiting]
            self.waiting.clear()
        if parcels:
            mine = WebhookDelivery.objects.filter(pk__in=[parcel.delivery_id for parcel in parcels], holder=self.holder)
            mine.update(holder=None, attempts=F("attempts") - 1, next_try_at=now())

    def _allowed(self, endpoint_id: UUID) -> int:
        """How many at once an endpoint is asked."""
        return 1 if self.failures[endpoint_id] >= DOUBTFUL_AFTER else PER_ENDPOINT

    def _launch(self) -> None:
        """Hand over what waits, a parcel of each endpoint in turn, while there are couriers free."""
        moment = time.monotonic()
        turn = deque(self.waiting)
        while turn and len(self.in_hand) < COURIERS:
            endpoint_id = turn.popleft()
            parcels = self.waiting[endpoint_id]
            while parcels and moment - parcels[0].started > STALE_SECONDS:
                parcels.popleft()
            if not parcels:
                del self.waiting[endpoint_id]
            elif self.busy[endpoint_id] < self._allowed(endpoint_id):
                parcel = parcels.popleft()
                self.in_hand[parcel.delivery_id] = parcel
                self.busy[endpoint_id] += 1
                self.tries += 1
                couriers().carry(parcel, self._report)
                turn.append(endpoint_id)

    def _gather(self) -> list[Receipt]:
        """The receipts that have come in, after waiting for the first and a moment for its neighbours."""
        done: list[Receipt] = []
        wait = 1.0
        deadline = None
        while deadline is None or time.monotonic() < deadline:
            try:
                receipt = self.receipts.get(timeout=wait)
            except queue.Empty:
                break
            if receipt is None:
                break
            done.append(receipt)
            deadline = deadline or time.monotonic() + GATHER_SECONDS
            wait = GATHER_SECONDS
        with self.guard:
            for parcel in self.in_hand.values():
                if time.monotonic() - parcel.started > WHOLE_SECONDS:
                    parcel.hang_up()
        return done

    def _report(self, receipt: Receipt) -> None:
        """Called by the courier that is free again."""
        endpoint_id = receipt.parcel.endpoint_id
        with self.guard:
            del self.in_hand[receipt.parcel.delivery_id]
            self.busy[endpoint_id] -= 1
            self.failures[endpoint_id] = 0 if receipt.is_delivered else self.failures[endpoint_id] + 1
            self.receipts.put(receipt)
            self._launch()

    def _claim(self) -> None:
        """Put what is due into `waiting`: a bounded number for each endpoint, so that none fills the hands."""
        moment = now()
        endpoints = {one.pk: one for one in WebhookEndpoint.objects.listening()}
        due = WebhookDelivery.objects.due(moment)
        self.is_more_due = False
        for pk, endpoint in endpoints.items():
            with self.guard:
                self.failures[pk] = max(self.failures[pk], endpoint.failures_in_row)
                ahead = AHEAD if self._allowed(pk) > 1 else 2
                room = ahead - len(self.waiting[pk]) - self.busy[pk]
            if 0 < room < ahead // 2:
                room = 0  # refilled when half of it has left
            # Asked before the transaction: on SQLite an empty one would still wait its turn among the writers.
            if room > 0 and due.filter(endpoint=pk).exists():
                rows = self._take(due.filter(endpoint=pk), room, moment)
                parcels = pack([(row, row.event.sequenced.position) for row in rows], endpoints, moment)
                with self.guard:
                    self.waiting[pk].extend(parcels)
                room -= len(rows)
            self.is_more_due = self.is_more_due or room <= 0

    @transaction.atomic
    def _take(self, due: "QuerySet[WebhookDelivery]", room: int, moment: datetime) -> list[WebhookDelivery]:
        ready: Any = due.select_related("event__sequenced").order_by("next_try_at")
        rows: list[WebhookDelivery] = list(ready.locking(skip_locked=True)[:room])
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
            holder=self.holder, attempts=F("attempts") + 1, next_try_at=moment + LEASE
        )
        for row in rows:
            row.attempts += 1
        return rows


def claim_new(rows: list[WebhookDelivery], moment: datetime) -> list[WebhookDelivery]:
    """Make rows that are about to be written this sender's, as a claim would."""
    for row in rows:
        row.holder, row.attempts, row.next_try_at = sender().holder, 1, moment + LEASE
    return rows


def _changes(
    rows: Sequence[tuple[WebhookDelivery, int]], endpoints: dict[UUID, WebhookEndpoint]
) -> dict[UUID, dict[UUID, dict[str, Any]]]:
    """By endpoint and event: the `changes` as a receiver of the endpoint's shops may read them."""
    events: dict[UUID, list[Event]] = {}
    for row, _position in rows:
        events.setdefault(row.endpoint_id, []).append(row.event)
    return {pk: changes_for(told, _reader(endpoints[pk])) for pk, told in events.items()}


def _reader(endpoint: WebhookEndpoint) -> Actor:
    shops = None if endpoint.shop_ids is None else frozenset(UUID(shop) for shop in endpoint.shop_ids)
    return Actor("integration", None, shops=shops)


def pack(
    rows: Iterable[tuple[WebhookDelivery, int]], endpoints: dict[UUID, WebhookEndpoint], moment: datetime
) -> list[Parcel]:
    """Deliveries with their events' positions, signed and addressed; an endpoint's secrets are opened once."""
    keys: dict[UUID, list[bytes]] = {}
    parcels = []
    packed = list(rows)
    changes = _changes(packed, endpoints)
    for row, position in packed:
        endpoint = endpoints[row.endpoint_id]
        if endpoint.pk not in keys:
            keys[endpoint.pk] = secrets_of(endpoint, moment)
        body = body_of(row.event, position, changes[endpoint.pk][row.event_id])
        headers = signed_headers(row.message_id, body, keys[endpoint.pk], moment)
        parcels.append(Parcel(row.pk, endpoint.pk, row.attempts, endpoint.url, headers, body))
    return parcels


_sender = Sender()


def sender() -> Sender:
    """This process's sender."""
    return _sender


def _start_anew() -> None:
    """A forked child has none of its parent's couriers, and must not pass for its parent."""
    global _sender  # noqa: PLW0603  replaced whole, while the child has one thread only
    _sender = Sender()


os.register_at_fork(after_in_child=_start_anew)
