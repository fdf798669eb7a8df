"""The schedule's doors: each a line that calls what does the work."""

from typing import Final

from celery import shared_task

from servicedesk.carrying import carry, sequence_waiting
from servicedesk.later import sweep
from servicedesk.single_flight import SingleFlight

# One carrier a process: more would take turns on the same rows and leave no thread for mail and webhooks, which then
# wait until a burst is over. What waits for a position only (feed, webhooks, live updates) does not wait for reactions.
_sequencing: Final = SingleFlight()
_carrying: Final = SingleFlight()


@shared_task(name="servicedesk.tasks.carry_events", ignore_result=True)
def carry_events() -> None:
    """Carry committed events to whoever listens."""
    _sequence()
    _carrying.run(lambda: carry(sequence=_sequence))


def _sequence() -> int:
    return _sequencing.run(sequence_waiting)


@shared_task(name="servicedesk.tasks.sweep_bookings", ignore_result=True)
def sweep_bookings() -> None:
    """Wake what is due, for about a second."""
    sweep()
