"""Choices that anybody makes for themselves: language, look, presence. And what every form does with a refusal."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from servicedesk.accounts.actions import THEMES
from servicedesk.errors import DomainError, Invalid
from servicedesk.models import User


class ChoiceForm(forms.Form):
    """One of them, and where to come back to."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(label=_("Look"), choices=[(name, name) for name in THEMES], required=False)
    presence = forms.ChoiceField(label=_("Presence"), choices=User.Presence.choices, required=False)
    next = forms.CharField(required=False)


def put_on(form: forms.Form, error: DomainError) -> None:
    """A refusal in the form's own place: at its fields where it names them, else above."""
    placed = False
    if isinstance(error, Invalid):
        for one in error.errors:
            if one.field in form.fields:
                form.add_error(one.field, str(one.detail))
                placed = True
    if not placed:
        form.add_error(None, str(error.detail))
