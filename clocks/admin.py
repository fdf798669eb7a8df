"""Calendars and corrections of public holidays in Django's admin. What is saved goes through the actions."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from clocks.actions.calendars import (
    UNKNOWN_COUNTRY,
    CalendarDraft,
    check_draft,
    create_calendar,
    edit_calendar,
    remove_country_day,
    set_country_day,
)
from clocks.country_days import is_known_country
from clocks.models import Calendar, CountryDay
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import User


class CalendarForm(forms.ModelForm[Calendar]):
    """Days are lists of ISO dates, hours as in the API."""

    class Meta:
        model = Calendar
        fields = ("name", "time_zone", "hours", "holidays", "extra_workdays", "country")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            self.draft = CalendarDraft.read(data)
            check_draft(self.draft, self.instance)
        except Invalid as refused:
            for error in refused.errors:
                self.add_error(error.field.split(".")[0], str(error.detail))
        return data


@admin.register(Calendar)
class CalendarAdmin(admin.ModelAdmin[Calendar]):
    form = CalendarForm
    list_display = ("name", "time_zone", "country", "version", "edited_at")

    def save_model(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            edit_calendar(obj, form.draft, by=_actor(request))
        else:
            obj.pk = create_calendar(form.draft, by=_actor(request)).pk

    def has_delete_permission(self, request: HttpRequest, obj: Calendar | None = None) -> bool:
        # Clocks that ran under it are explained by it.
        return False


class CountryDayForm(forms.ModelForm[CountryDay]):
    class Meta:
        model = CountryDay
        fields = ("country", "on", "is_working", "name")

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"])
        if not is_known_country(country):
            raise forms.ValidationError(UNKNOWN_COUNTRY, code="unknown_country")
        return country


@admin.register(CountryDay)
class CountryDayAdmin(admin.ModelAdmin[CountryDay]):
    form = CountryDayForm
    list_display = ("country", "on", "is_working", "name")
    list_filter: ClassVar = ["country", "is_working"]
    date_hierarchy = "on"

    def save_model(self, request: HttpRequest, obj: CountryDay, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = set_country_day(**form.cleaned_data, by=_actor(request)).pk

    def has_change_permission(self, request: HttpRequest, obj: CountryDay | None = None) -> bool:
        # A wrong entry is removed and made anew.
        return False

    def delete_model(self, request: HttpRequest, obj: CountryDay) -> None:
        remove_country_day(obj, by=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CountryDay]) -> None:
        for day in queryset:
            remove_country_day(day, by=_actor(request))


def _actor(request: HttpRequest) -> Actor:
    return Actor.staff(cast(User, request.user))
