"""Shops: the brands and storefronts one desk serves."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.rows import Row


class Shop(Row):
    """A shop as its customers know it. There is always one; while it is the only one nobody is asked about it."""

    subject_type: ClassVar[str] = "shop"

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    slogan = models.CharField(_("slogan"), max_length=200, blank=True)
    color = models.CharField(_("brand colour"), max_length=9, default="#0f6b5c")
    logo = models.FileField(_("logo"), upload_to="logos/", blank=True)
    default_language = models.CharField(_("default language"), max_length=12, default="zh-hans")
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    currency = models.CharField(_("currency"), max_length=3, default="CNY")
    phone_region = models.CharField(_("region of phone numbers"), max_length=2, default="CN")
    support_email = models.EmailField(_("support address"), blank=True)
    is_default = models.BooleanField(_("default shop"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="servicedesk_shop_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shop_id(self) -> object:
        """A shop belongs to itself, so that the one visibility check fits."""
        return self.pk

    @property
    def sender_address(self) -> str:
        """The address customers write to and hear from."""
        return self.support_email or settings.DEFAULT_FROM_EMAIL


class NumberSequence(models.Model):
    """Where SQLite counts public numbers (`servicedesk/numbers.py`)."""

    name = models.CharField(max_length=24, primary_key=True)
    value = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.name} {self.value}"
