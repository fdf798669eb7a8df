"""How replies are to be worded: lists that managers keep."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row


class WordList(Row):
    """The vague words of one language, in place of those the desk comes with."""

    subject_type: ClassVar[str] = "word_list"
    shop_id: ClassVar[None] = None

    language = models.CharField(_("language"), max_length=12, unique=True)
    phrases = models.JSONField(_("phrases"), default=list)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(default=now)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("list of vague words")
        verbose_name_plural = _("lists of vague words")
        ordering: ClassVar = ["language"]

    def __str__(self) -> str:
        return self.language
