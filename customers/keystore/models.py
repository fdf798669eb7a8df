"""What stands between a copy of the data and the people in it: one wrapped key each, or the mark that it is gone."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now


class DataKey(models.Model):
    """One customer's key, wrapped by the master key. Made ahead: a key that nobody uses is harmless."""

    id = models.UUIDField(primary_key=True, editable=False)
    wrapped = models.BinaryField()
    ring_version = models.PositiveIntegerField(db_index=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")

    def __str__(self) -> str:
        return str(self.pk)


class Tombstone(models.Model):
    """A key that was destroyed on purpose. What it encrypted reads as erased, rather than as a failure."""

    key_id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("tombstone")
        verbose_name_plural = _("tombstones")

    def __str__(self) -> str:
        return str(self.pk)
