"""A nudge wakes the background after commit, merges with others, and never fails who gave it."""

import threading
import time

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from servicedesk import broker, nudges
from servicedesk.celery import app
from servicedesk.nudges import TASKS, nudge
from tests.patience import PATIENCE_SECONDS

CARRY = TASKS["carry"]


class Sent:
    """Stands in for the broker; remembers when each message left."""

    def __init__(self, monkeypatch):
        self.messages, self.fails = [], False
        # A broker that hangs until this is set.
        self.answers = threading.Event()
        self.answers.set()
        self.sender = nudges._Sender()
        monkeypatch.setattr(nudges, "_sender", self.sender)
        monkeypatch.setattr(app, "send_task", self)
        monkeypatch.setattr(broker, "is_crowded", lambda queue: False)
        monkeypatch.setattr(nudges, "PAUSE_SECONDS", 0.01)

    def __call__(self, task, **options):
        began = time.monotonic()
        self.answers.wait(PATIENCE_SECONDS)
        if self.fails:
            raise OperationalError("the broker is away")
        self.messages.append((task, began, options))

    def tasks(self):
        self.sender.drain(PATIENCE_SECONDS)
        return [task for task, _at, _options in self.messages]


@pytest.fixture
def sent(monkeypatch):
    return Sent(monkeypatch)


def nudge_and_undo():
    with transaction.atomic():
        nudge("carry")
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
class TestAfterCommit:
    def test_it_leaves_with_the_commit_and_not_before(self, sent):
        with transaction.atomic():
            nudge("carry")
            assert sent.tasks() == []
        assert sent.tasks() == [CARRY]

    def test_a_rolled_back_transaction_wakes_nobody(self, sent):
        with pytest.raises(ZeroDivisionError):
            nudge_and_undo()
        assert sent.tasks() == []

    def test_many_in_one_transaction_are_one_callback(self, sent):
        with transaction.atomic():
            for _ in range(1_000):
                nudge("carry")
            assert len(transaction.get_connection().run_on_commit) == 1
        assert sent.tasks() == [CARRY]

    def test_one_in_a_block_that_is_undone_does_not_stand_for_the_others(self, sent):
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError):
                nudge_and_undo()
            nudge("carry")
        assert sent.tasks() == [CARRY]

    def test_each_name_wakes_its_own_task(self, sent):
        with transaction.atomic():
            for name in TASKS:
                nudge(name)
        assert sorted(sent.tasks()) == sorted(TASKS.values())

    def test_a_broker_that_is_away_fails_nobody_and_is_tried_again(self, sent):
        sent.fails = True
        with transaction.atomic():
            nudge("carry")
        assert sent.tasks() == []
        sent.fails = False
        with transaction.atomic():
            nudge("carry")
        assert sent.tasks() == [CARRY]

    def test_a_broker_that_hangs_delays_nobody(self, sent):
        sent.answers.clear()
        with transaction.atomic():
            nudge("carry")
        assert sent.messages == []
        sent.answers.set()
        assert sent.tasks() == [CARRY]


def test_an_unknown_name_is_an_error_at_once(sent):
    with pytest.raises(KeyError):
        nudge("carrry")


def test_a_burst_becomes_few_messages_and_the_last_leaves_after_the_last_nudge(sent):
    began, last = time.monotonic(), []

    def nudge_on():
        while (moment := time.monotonic()) < began + 0.5:
            sent.sender.request(CARRY)
            time.sleep(0.001)
            nudged = moment
        last.append(nudged)

    threads = [threading.Thread(target=nudge_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.tasks()
    assert 1 <= len(sent.messages) <= (time.monotonic() - began) / nudges.GAP_SECONDS + 3
    assert sent.messages[-1][1] >= max(last)


def test_messages_expire(sent):
    sent.sender.request(CARRY)
    sent.tasks()
    assert sent.messages[0][2]["expires"] == nudges.EXPIRES_SECONDS
