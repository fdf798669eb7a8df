"""Clocks: found when they fall due, one by one and all at once, however many others are open."""

import statistics
import time
from datetime import timedelta

from bench.figures import Figure, Target, alone, in_turn, percentile, ratio, windows
from bench.house import House, few
from bench.measures.following import Watch
from bench.yardsticks import raw
from clocks.models import Clock
from servicedesk.clock import now
from servicedesk.later import sweep_once
from servicedesk.models import Booking

DUE_A_SECOND = 100
SWEEPS = 100


def detection(house: House) -> list[Figure]:
    """A hundred clocks due each second: how much later than due each was detected, by the real worker and beat."""
    Watch(house.place.server).wait_until_calm()
    seconds = house.scale.steady_seconds
    # The rows are there before the first of them falls due.
    first = now() + timedelta(seconds=2 + seconds / 4)
    moments = [first + timedelta(seconds=n / DUE_A_SECOND) for n in range(round(seconds * DUE_A_SECOND))]
    house.fall_due(moments)
    if now() >= first:
        raise RuntimeError("seeding took longer than the first deadline allows")
    time.sleep(max(0.0, (moments[-1] - now()).total_seconds()) + 2)
    rows = Clock.objects.filter(metric="first_response", due_at__in=moments)
    lags = [
        (due_at.timestamp(), (detected_at - due_at).total_seconds() * 1000)
        for due_at, detected_at in rows.values_list("due_at", "detected_at")
    ]
    if len(lags) != len(moments):
        raise RuntimeError("not every clock fell due")
    whole = [lag for _due, lag in lags]
    parts = [percentile(part, 0.99) for part in windows(lags, house.scale.rounds)]
    note = f"{_open_clocks():,} open, {DUE_A_SECOND}/s for {seconds:.0f} s, p50 {percentile(whole, 0.5):.0f} ms"
    name = "detection in steady state, p99"
    return [alone(name, "ms", parts, Target(1_000, 300), value=percentile(whole, 0.99), note=note)]


def all_at_once(house: House) -> list[Figure]:
    """So many due at once: verdicts, events and next bookings written, against claims of the same bookings."""
    count = house.scale.due_at_once

    def claims() -> float:
        moment = now()
        house.fall_due([moment - timedelta(seconds=1 - n / count) for n in range(count)])
        return raw.claims(house.place.server, Booking._meta.db_table, "try_at <= now()", "try_at = NULL")

    def ours() -> float:
        due = Booking.objects.filter(try_at__lte=now()).count()
        began = time.perf_counter()
        _sweep_all()
        spent = time.perf_counter() - began
        if due != count or Booking.objects.filter(try_at__lte=now()).exists():
            raise RuntimeError(f"{due} of {count} clocks were due, or some were left")
        return count / spent

    _sweep_all()
    rounds = [(done, raw_rate) for raw_rate, done in in_turn(house.scale.rounds, claims, ours)]
    name = f"clocks due at once, {count:,} : raw claims"
    return [ratio(name, "/s", rounds, Target(0.05, 0.15, at_least=True), f"{_open_clocks():,} open")]


def empty_sweep(house: House) -> list[Figure]:
    """A sweep that finds nothing, with all the clocks and with those of the small desk."""

    def many() -> float:
        _sweep_all()
        return statistics.median(_milliseconds() for _ in range(SWEEPS))

    def a_few() -> float:
        with few(house.place):
            return many()

    note = f"{_open_clocks():,} open"
    with few(house.place):
        note += f" : {_open_clocks():,}"
    rounds = in_turn(house.scale.rounds, many, a_few)
    return [ratio("empty sweep : with 1,000 open clocks", "ms", rounds, Target(1.2, 1.0), note)]


def _sweep_all() -> None:
    while sweep_once():
        pass


def _milliseconds() -> float:
    began = time.perf_counter()
    if sweep_once():
        raise RuntimeError("the sweep was not empty")
    return (time.perf_counter() - began) * 1000


def _open_clocks() -> int:
    return Clock.objects.open().count()
