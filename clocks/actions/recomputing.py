"""Recompute the open clocks that an edit governs: in the background, a batch a time, with progress, resumable."""

import uuid
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from clocks.actions.changing import recompute_in
from clocks.models import Clock, RecomputeJob
from clocks.plans import ClockPlan
from clocks.sitting import Ledger, Sitting
from clocks.sources import source
from clocks.subjects import subject_type
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.later import book, drop

RECOMPUTE: Final = "clocks.recompute"
# Small enough that the sweep, which does this between its verdicts, is back at them soon.
BATCH: Final = 100
# A clock that was being started while the edit was committed may have the old plan; it is looked for a while later.
LATECOMERS_AFTER: Final = timedelta(seconds=60)
LATECOMERS_SINCE: Final = timedelta(minutes=5)
MEANWHILE: Final = timedelta(milliseconds=50)


@transaction.atomic
def request_recompute(source_name: str, source_id: uuid.UUID, *, by: Actor) -> RecomputeJob:
    """Have the open clocks of this source follow its plans as they are now. Replaces an unfinished request.

    Permission is the business of the edit that asks for it.
    """
    moment = now()
    under_way = RecomputeJob.objects.filter(source=source_name, source_id=source_id, looked_again_at=None)
    for job_id in list(under_way.values_list("pk", flat=True)):
        drop(RECOMPUTE, job_id)
    under_way.filter(finished_at=None).update(finished_at=moment)
    under_way.update(looked_again_at=moment)
    total = source(source_name).select(source_id).going().count()
    job = RecomputeJob.objects.create(source=source_name, source_id=source_id, total=total, created_at=moment)
    book(RECOMPUTE, job.pk, at=moment)
    return job


@transaction.atomic
def recompute_batch(job_id: uuid.UUID, *, at: datetime) -> None:
    """One batch of a job, and the booking of the next. A job that is over, or gone, is left alone."""
    job = RecomputeJob.objects.filter(pk=job_id, looked_again_at=None).locking().first()
    if job is None:
        return
    clocks = source(job.source).select(job.source_id).going()
    beyond = clocks if job.cursor is None else clocks.filter(pk__gt=job.cursor)
    fresh = list(beyond.order_by("pk").values_list("pk", flat=True)[:BATCH])
    waiting = [uuid.UUID(pk) for pk in job.postponed] if not fresh else []
    done, busy = _recompute(job, [*fresh, *waiting], at)
    job.cursor = fresh[-1] if fresh else job.cursor
    job.postponed = [*(job.postponed if fresh else ()), *map(str, busy)]
    job.done = min(job.total, job.done + done)
    if fresh or busy:
        book(RECOMPUTE, job.pk, at=at if fresh else at + MEANWHILE)
    elif job.finished_at is None:
        job.finished_at, job.done = at, job.total
        job.cursor = _smallest_id_at(job.created_at - LATECOMERS_SINCE)
        book(RECOMPUTE, job.pk, at=at + LATECOMERS_AFTER)
    else:
        job.looked_again_at = at
    job.save(update_fields=["cursor", "postponed", "done", "finished_at", "looked_again_at"])


def _recompute(job: RecomputeJob, clock_ids: list[uuid.UUID], at: datetime) -> tuple[int, list[uuid.UUID]]:
    """Recompute these clocks. Returns how many were done, and those whose subject somebody holds."""
    whose: dict[str, dict[uuid.UUID, uuid.UUID]] = defaultdict(dict)
    for pk, kind, subject_id in Clock.objects.filter(pk__in=clock_ids).values_list("pk", "subject_type", "subject_id"):
        whose[kind][pk] = subject_id
    ledger = Ledger()
    free: list[uuid.UUID] = []
    busy: list[uuid.UUID] = []
    for kind, subject_ids in whose.items():
        locked = subject_type(kind).lock(set(subject_ids.values()))
        for pk, subject_id in subject_ids.items():
            (free if subject_id in locked else busy).append(pk)
    clocks = list(Clock.objects.filter(pk__in=free).going().locking().order_by("pk"))
    plans = source(job.source).plan(job.source_id, clocks)
    for clock in clocks:
        if clock.pk in plans:
            _recompute_one(clock, plans[clock.pk], at, ledger)
    ledger.close()
    return len(free), busy


def _recompute_one(clock: Clock, plan: ClockPlan, at: datetime, ledger: Ledger) -> None:
    sitting = Sitting(clock.subject, at, by=SYSTEM, clocks=[clock], ledger=ledger)
    recompute_in(sitting, {clock.metric: plan})


def _smallest_id_at(moment: datetime) -> uuid.UUID:
    """Ids are UUIDv7: their first 48 bits are the milliseconds at which they were made."""
    return uuid.UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
