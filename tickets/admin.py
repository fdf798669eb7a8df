"""Policies, macros, tags and saved views in Django's admin. What is saved goes through the actions."""

from dataclasses import fields
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from servicedesk.actor import Actor
from servicedesk.errors import FieldError
from servicedesk.models import User
from tickets import macros, policy_checks
from tickets.actions.macros import MacroDraft, delete_macro, edit_macro, save_macro
from tickets.actions.policies import PolicyDraft, create_policy, edit_policy
from tickets.actions.tags import create_tag, edit_tag
from tickets.actions.views import ViewDraft, delete_view, edit_view, save_view
from tickets.models import Macro, SavedView, SlaPolicy, Tag


class PolicyForm(forms.ModelForm[SlaPolicy]):
    class Meta:
        model = SlaPolicy
        fields = tuple(one.name for one in fields(PolicyDraft))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            show_errors(self, list(policy_checks.errors_of(data)))
        return data


@admin.register(SlaPolicy)
class SlaPolicyAdmin(admin.ModelAdmin[SlaPolicy]):
    form = PolicyForm
    list_display = ("name", "position", "active", "calendar", "version")

    def save_model(self, request: HttpRequest, obj: SlaPolicy, form: Any, change: bool) -> None:  # noqa: FBT001
        draft = PolicyDraft(**form.cleaned_data)
        if change:
            edit_policy(obj, draft, by=actor_of(request))
        else:
            obj.pk = create_policy(draft, by=actor_of(request)).pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The tickets it governed are explained by it: it is switched off instead.
        return False


class MacroForm(forms.ModelForm[Macro]):
    class Meta:
        model = Macro
        fields = tuple(one.name for one in fields(MacroDraft))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            show_errors(self, list(macros.errors_of(data["name"], data["texts"] or {}, data["actions"] or [])))
        return data


@admin.register(Macro)
class MacroAdmin(admin.ModelAdmin[Macro]):
    form = MacroForm
    list_display = ("name", "shop", "team", "position", "is_active")
    # What somebody keeps for themselves is theirs.
    exclude = ("owner",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(owner=None)

    def save_model(self, request: HttpRequest, obj: Macro, form: Any, change: bool) -> None:  # noqa: FBT001
        data = form.cleaned_data
        draft = MacroDraft(**{**data, "texts": data["texts"] or {}, "actions": data["actions"] or []})
        if change:
            edit_macro(obj, draft, by=actor_of(request))
        else:
            obj.pk = save_macro(draft, by=actor_of(request)).pk

    def delete_model(self, request: HttpRequest, obj: Macro) -> None:
        delete_macro(obj, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for macro in queryset:
            delete_macro(macro, by=actor_of(request))


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin[Tag]):
    fields = ("name", "color")
    list_display = ("name", "color")
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            edit_tag(obj, **form.cleaned_data, by=actor_of(request))
        else:
            obj.pk = create_tag(**form.cleaned_data, by=actor_of(request)).pk


@admin.register(SavedView)
class SavedViewAdmin(admin.ModelAdmin[SavedView]):
    fields: ClassVar = ["name", "team", "filters", "ordering", "position"]
    list_display = ("name", "team", "position")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(owner=None)

    def save_model(self, request: HttpRequest, obj: SavedView, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            edit_view(obj, ViewDraft(**form.cleaned_data), by=actor_of(request))
        else:
            obj.pk = save_view(ViewDraft(**form.cleaned_data), by=actor_of(request)).pk

    def delete_model(self, request: HttpRequest, obj: SavedView) -> None:
        delete_view(obj, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for view in queryset:
            delete_view(view, by=actor_of(request))


def show_errors(form: Any, errors: list[FieldError]) -> None:
    """What a draft's checks found, beside the fields of the form."""
    for error in errors:
        name, _dot, rest = error.field.partition(".")
        form.add_error(name, f"{rest}: {error.detail}" if rest else str(error.detail))


def actor_of(request: HttpRequest) -> Actor:
    return Actor.staff(cast(User, request.user))
