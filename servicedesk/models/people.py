"""The people of the department: users, teams, skills, shifts, presence."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.models.shops import Shop
from servicedesk.rows import Row, RowQuerySet


class Team(Row):
    """A team with its queue. A private team's tickets are seen by its members and by who oversees."""

    subject_type: ClassVar[str] = "team"

    name = models.CharField(_("name"), max_length=80, unique=True)
    shop = models.ForeignKey(Shop, models.PROTECT, null=True, blank=True, verbose_name=_("shop"), related_name="teams")
    is_private = models.BooleanField(_("private"), default=False)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users; the command line's `createsuperuser` makes an admin."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, role=User.Role.ADMIN, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of staff. Customers are not users."""

    subject_type: ClassVar[str] = "user"
    shop_id: ClassVar[None] = None  # people belong to no one shop

    class Role(models.TextChoices):
        AGENT = "agent", _("Agent")
        TRAINEE = "trainee", _("Trainee")
        MANAGER = "manager", _("Manager")
        REVIEWER = "reviewer", _("Reviewer")
        AUDITOR = "auditor", _("Auditor")
        ADMIN = "admin", _("Administrator")

    class Presence(models.TextChoices):
        ONLINE = "online", _("Online")
        BUSY = "busy", _("Busy")
        AWAY = "away", _("Away")
        OFFLINE = "offline", _("Offline")

    id = models.UUIDField(primary_key=True, default=Row._meta.get_field("id").default, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    role = models.CharField(_("role"), max_length=12, choices=Role, default=Role.AGENT)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, verbose_name=_("team"), related_name="members"
    )
    mentor = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, verbose_name=_("mentor"), related_name="mentees"
    )
    sees_every_shop = models.BooleanField(_("works for every shop"), default=True)
    shops = models.ManyToManyField(Shop, blank=True, verbose_name=_("shops"), related_name="staff")
    speaks = models.JSONField(_("languages spoken with customers"), default=list, blank=True)
    language = models.CharField(_("language of the pages"), max_length=12, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=8, blank=True)
    # How wide this person has drawn the desk's outer panes, in CSS pixels; None as the look has them.
    queue_width = models.PositiveSmallIntegerField(null=True, editable=False)
    context_width = models.PositiveSmallIntegerField(null=True, editable=False)
    toured_at = models.DateTimeField(_("was shown around"), null=True, blank=True, editable=False)
    capacity = models.PositiveSmallIntegerField(_("open tickets at once"), default=20)
    presence = models.CharField(_("presence"), max_length=8, choices=Presence, default=Presence.OFFLINE)
    presence_until = models.DateTimeField(_("presence known until"), null=True, blank=True, editable=False)
    assigned_at = models.DateTimeField(_("last given a ticket"), null=True, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    is_demo = models.BooleanField(_("demo account"), default=False, editable=False)
    joined_at = models.DateTimeField(default=now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="servicedesk_user_email_ci")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_staff(self) -> bool:
        """Whether Django's admin lets this person in: configuration is the administrators'."""
        return self.role == self.Role.ADMIN

    @property
    def is_superuser(self) -> bool:
        return self.is_staff

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return self.is_active and self.is_staff

    def has_perms(self, perm_list: list[str], obj: object | None = None) -> bool:
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    def visible_shop_ids(self) -> frozenset[uuid.UUID] | None:
        """The shops this person works for; None for every shop."""
        if self.sees_every_shop:
            return None
        # Not `values_list`: who looks at many people has fetched their shops beforehand.
        return frozenset(shop.pk for shop in self.shops.all())

    def is_present(self, at: Any) -> bool:
        """Whether presence says online and the lease that proves it hasn't run out."""
        return self.presence == self.Presence.ONLINE and self.presence_until is not None and self.presence_until > at


class Skill(Row):
    """What somebody can do: a ticket kind or a product category, with a level from 1 (learns) to 5 (masters)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="skills", verbose_name=_("member of staff"))
    kind = models.CharField(_("ticket kind"), max_length=12, blank=True)
    category = models.CharField(_("product category"), max_length=80, blank=True)
    level = models.PositiveSmallIntegerField(_("level"), default=3)

    objects: ClassVar = RowQuerySet.as_manager()

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind", "category"], name="servicedesk_skill_once"),
            models.CheckConstraint(condition=models.Q(level__range=(1, 5)), name="servicedesk_skill_level"),
        ]

    def __str__(self) -> str:
        return f"{self.kind or self.category} {self.level}"


class Shift(Row):
    """A span in which somebody is on duty."""

    user = models.ForeignKey(User, models.CASCADE, related_name="shifts", verbose_name=_("member of staff"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        indexes: ClassVar = [models.Index(fields=["starts_at", "ends_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="servicedesk_shift_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}–{self.ends_at:%H:%M}"
