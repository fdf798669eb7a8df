"""Work on many clocks, done in the background, with its progress."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row


class RecomputeJob(Row):
    """The open clocks that one edit governs are being recomputed. Done in batches by booked events; resumable."""

    subject_type: ClassVar[str] = "recompute_job"
    shop_id: ClassVar[None] = None

    source = models.CharField(_("source"), max_length=32)
    source_id = models.UUIDField()
    total = models.PositiveIntegerField(_("clocks"), default=0)
    done = models.PositiveIntegerField(_("recomputed"), default=0)
    # The last clock looked at, in the order of their ids; and those whose subject somebody else held just then.
    cursor = models.UUIDField(null=True)
    postponed = models.JSONField(default=list)
    created_at = models.DateTimeField(_("asked for at"), default=now)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # Clocks that were started while the edit was being committed are looked for once more.
    looked_again_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("recomputation of clocks")
        verbose_name_plural = _("recomputations of clocks")
        indexes: ClassVar = [models.Index(fields=["source_id", "-created_at"], name="clocks_recompute_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.done}/{self.total}"

    @property
    def percent(self) -> int:
        if self.finished_at is not None or not self.total:
            return 100
        return min(99, self.done * 100 // self.total)
