"""Whatever is done to a ticket in whatever order, at whatever times: what must always hold of it and its clocks holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from clocks.models import Clock
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import DomainError
from servicedesk.models import Event
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, post_reply, undo_reply
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.working import (
    close_ticket,
    hold_ticket,
    reopen_ticket,
    resume_ticket,
    snooze_ticket,
    solve_ticket,
)
from tickets.models import Author, Message, Status, Ticket, Visibility
from tickets.models.messages import HELD_BACK

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOVES = {"resume": resume_ticket, "solve": solve_ticket, "reopen": reopen_ticket, "close": close_ticket}
FINAL = {Clock.State.BREACHED, Clock.State.CANCELLED}


class TicketLife(RuleBasedStateMachine):
    """One ticket, acted on at random; refusals are fine, broken promises are not."""

    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.verdicts: dict[Any, str] = {}

    def teardown(self) -> None:
        self.traveller.stop()
        transaction.set_rollback(True)
        self.rollback.__exit__(None, None, None)

    @initialize()
    def open_one(self) -> None:
        self.make = Make()
        self.ticket = self.make.ticket()
        self.agent = self.make.user()
        self.by = Actor.staff(self.agent)
        self.version = 0

    def attempt(self, act: Callable[[], object]) -> None:
        """Do it; a refusal changes nothing and tells nothing."""
        before = (Ticket.objects.filter(pk=self.ticket.pk).values().get(), Event.objects.count())
        try:
            act()
        except DomainError:
            assert (Ticket.objects.filter(pk=self.ticket.pk).values().get(), Event.objects.count()) == before

    @rule(minutes=st.sampled_from([0, 1, 3, 9, 45, 61, 60 * 7, 60 * 25, 60 * 24 * 8]), seconds=st.integers(0, 59))
    def time_passes(self, minutes: int, seconds: int) -> None:
        self.clock.shift(timedelta(minutes=minutes, seconds=seconds))

    @rule()
    def the_desk_does_what_is_due(self) -> None:
        self.make.settle_down()

    @rule(which=st.sampled_from(sorted(MOVES)))
    def somebody_moves_it(self, which: str) -> None:
        self.attempt(lambda: MOVES[which](self.ticket, by=INTEGRATION))

    @rule(wait_for=st.sampled_from(["customer", "others"]), minutes=st.none() | st.integers(1, 600))
    def somebody_holds_it(self, wait_for: str, minutes: int | None) -> None:
        until = None if minutes is None else self.moment + timedelta(minutes=minutes)
        self.attempt(lambda: hold_ticket(self.ticket, wait_for=wait_for, until=until, by=INTEGRATION))

    @rule(minutes=st.integers(1, 600))
    def somebody_snoozes_it(self, minutes: int) -> None:
        self.attempt(lambda: snooze_ticket(self.ticket, until=self.moment + timedelta(minutes=minutes), by=self.by))

    @rule()
    def the_customer_writes(self) -> None:
        self.attempt(lambda: self.make.answer(self.ticket))

    @rule(author=st.sampled_from([Author.AGENT, Author.BOT]))
    def another_system_answers(self, author: str) -> None:
        self.attempt(lambda: self.make.reply(self.ticket, author=author))

    @rule(then=st.sampled_from(["", "solve", "hold"]))
    def an_agent_answers(self, then: str) -> None:
        self.attempt(lambda: post_reply(self.ticket, Words("Hello"), by=self.by, then=then))

    @rule()
    def the_agent_takes_the_last_one_back(self) -> None:
        last = Message.objects.filter(ticket=self.ticket, author=Author.AGENT).order_by("-id").first()
        if last is not None:
            self.attempt(lambda: undo_reply(last, by=self.by))

    @rule(priority=st.sampled_from(["low", "normal", "urgent"]))
    def somebody_files_it_anew(self, priority: str) -> None:
        self.attempt(lambda: edit_ticket(self.ticket, Edit(priority=priority), by=INTEGRATION))

    @property
    def moment(self) -> datetime:
        return now()

    @invariant()
    def a_ticket_is_what_its_state_says(self) -> None:
        if not hasattr(self, "ticket"):
            return
        ticket = Ticket.objects.get(pk=self.ticket.pk)
        assert ticket.version >= self.version
        self.version = ticket.version
        assert (ticket.solved_at is not None) == (ticket.status in {Status.SOLVED, Status.CLOSED})
        assert (ticket.closed_at is not None) == (ticket.status == Status.CLOSED)
        assert ticket.last_at <= self.moment
        responses = Message.objects.filter(ticket=ticket, author=Author.AGENT, visibility=Visibility.PUBLIC)
        gone = responses.exclude(delivery__in=HELD_BACK).order_by("sent_at").values_list("sent_at", flat=True).first()
        assert ticket.first_responded_at == gone

    @invariant()
    def clocks_keep_their_promises(self) -> None:
        if not hasattr(self, "ticket"):
            return
        clocks = list(Clock.objects.of(self.ticket))
        ticket = Ticket.objects.get(pk=self.ticket.pk)
        unsettled = [clock.metric for clock in clocks if clock.stopped_at is None]
        assert len(unsettled) == len(set(unsettled))
        for clock in clocks:
            before = self.verdicts.get(clock.pk)
            assert before not in FINAL or clock.state == before
            self.verdicts[clock.pk] = clock.state
            if clock.state == Clock.State.MET:
                assert clock.stopped_at is not None
                assert clock.due_at is not None
                assert clock.stopped_at <= clock.due_at
            if clock.state == Clock.State.RUNNING:
                assert clock.due_at is not None
                assert clock.due_at >= clock.started_at + clock.target
            if ticket.status in {Status.SOLVED, Status.CLOSED}:
                assert clock.stopped_at is not None

    @invariant()
    def the_queue_is_in_step_with_the_clocks(self) -> None:
        if not hasattr(self, "ticket"):
            return
        owed = Clock.objects.of(self.ticket).filter(stopped_at=None, due_at__isnull=False)
        soonest = owed.order_by("due_at").values_list("due_at", flat=True).first()
        assert Ticket.objects.get(pk=self.ticket.pk).next_due_at == soonest

    @invariant()
    def each_breach_was_told_once(self) -> None:
        if not hasattr(self, "ticket"):
            return
        told = Event.objects.filter(subject_id=self.ticket.pk, kind="clock.breached").values_list("changes", flat=True)
        names = [changes["clock"] for changes in told]
        breached = Clock.objects.of(self.ticket).filter(state=Clock.State.BREACHED)
        assert sorted(names) == sorted(str(pk) for pk in breached.values_list("pk", flat=True))


@pytest.mark.django_db(databases=["default", "keystore"])
def test_no_sequence_of_actions_breaks_a_promise() -> None:
    run_state_machine_as_test(
        TicketLife,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            # A failing sequence of 25 steps is read faster than it is shrunk.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
