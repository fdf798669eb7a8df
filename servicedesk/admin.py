"""Shops, teams, people and shifts in Django's admin. Keys and webhooks have pages of their own."""

from typing import Any, TypeVar, cast

import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401 - all three register their models, before that is taken back below
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.events import record
from servicedesk.languages import own_codes
from servicedesk.models import Shift, Shop, Skill, Team, User
from servicedesk.shops import forget_shops

M = TypeVar("M", bound=Model)

admin.site.site_title = admin.site.site_header = _("Service desk")
admin.site.index_title = _("Configuration")


class ToldAdmin(admin.ModelAdmin[M]):
    """What is changed here is told like everything else: who, when, which fields."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        # Fields by name only: their content can be a name or an address.
        changes = {"fields": [name for name in form.changed_data if "password" not in name]}
        kind = f"{obj.subject_type}.{'edited' if change else 'created'}"
        record(kind, obj, by=Actor.staff(cast(User, request.user)), changes=changes)


@admin.register(Shop)
class ShopAdmin(ToldAdmin[Shop]):
    list_display = ("name", "code", "default_language", "time_zone", "currency", "is_default")

    def save_model(self, request: HttpRequest, obj: Shop, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        forget_shops()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Other systems name the shop by its code.
        return ("code",) if obj is not None else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # There is always one, and everything belongs to one.
        return False


@admin.register(Team)
class TeamAdmin(ToldAdmin[Team]):
    list_display = ("name", "shop", "is_private")


class SkillInline(admin.TabularInline[Skill, User]):
    model = Skill
    extra = 0


class NewPersonForm(AdminUserCreationForm[User]):
    class Meta:
        model = User
        fields = ("email", "name", "role")


class PersonForm(UserChangeForm[User]):
    """The form of somebody who is here already."""

    class Meta:
        model = User
        fields = "__all__"

    def clean_speaks(self) -> list[str]:
        """Languages as tickets name them: who speaks zh-CN is to be given what is written in zh-hans."""
        speaks = self.cleaned_data["speaks"] or []
        if not isinstance(speaks, list) or not all(isinstance(one, str) and one.strip() for one in speaks):
            raise ValidationError(_("Give a list of languages, such as [“en”, “zh-hans”]."))
        meant: list[str] = own_codes(speaks)
        return meant


@admin.register(User)
class PersonAdmin(ToldAdmin[User], DjangoUserAdmin[User]):
    form = PersonForm
    add_form = NewPersonForm
    inlines = (SkillInline,)
    list_display = ("name", "email", "role", "team", "is_active")
    list_filter = ("role", "team", "is_active")
    search_fields = ("name", "email")
    ordering = ("name",)
    filter_horizontal = ("shops",)
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "role", "is_active")}),
        (_("Work"), {"fields": ("team", "mentor", "capacity", "speaks", "sees_every_shop", "shops")}),
        (_("Pages"), {"fields": ("language", "time_zone", "theme")}),
    )
    add_fieldsets = [(None, {"fields": ("email", "name", "role", "usable_password", "password1", "password2")})]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What they did is theirs for ever: a person who leaves is made inactive.
        return False


# Sessions' keys are to be seen by nobody, addresses are a person's own fields, and groups mean nothing here.
admin.site.unregister([Authenticator, EmailAddress, Group, UserSession])


@admin.register(Authenticator)
class SecondFactorAdmin(admin.ModelAdmin[Any]):
    """A lost telephone: the factor is taken off here and set up anew by its owner. Its seed is never shown."""

    list_display = ("user", "type", "created_at", "last_used_at")
    fields = readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        record("user.second_factor_removed", obj.user, by=Actor.staff(cast(User, request.user)))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for factor in queryset.select_related("user"):
            self.delete_model(request, factor)


@admin.register(Shift)
class ShiftAdmin(admin.ModelAdmin[Shift]):
    list_display = ("user", "starts_at", "ends_at")
    list_filter = ("user",)
    date_hierarchy = "starts_at"
