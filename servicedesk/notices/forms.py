"""The form of somebody's preferences: for each kind a line of ways."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from servicedesk.models import Digest
from servicedesk.notice_kinds import Kind
from servicedesk.notices.choosing import WAYS, Choice

LABELS = {"desk": _("Bell"), "browser": _("Browser"), "sound": _("Sound"), "digest": _("Mail digest")}


class ChoicesForm(forms.Form):
    """A field for each kind and way, named `kind-way`."""

    def __init__(self, choices: Sequence[Choice], data: Any = None) -> None:
        super().__init__(data)
        self.kinds = [one.kind for one in choices]
        for one in choices:
            for way in WAYS:
                field = _field(way, getattr(one.channels, way))
                # In a table the words stand at the head of the line and of the column: each field says both.
                field.widget.attrs["aria-label"] = f"{one.kind.label}: {LABELS[way]}"
                self.fields[f"{one.kind.code}-{way}"] = field

    def lines(self) -> Iterator[tuple[Kind, list[BoundField]]]:
        for kind in self.kinds:
            yield kind, [self[f"{kind.code}-{way}"] for way in WAYS]

    def wanted(self) -> dict[str, dict[str, Any]]:
        """As `choose_channels` takes it."""
        return {kind.code: {way: self.cleaned_data[f"{kind.code}-{way}"] for way in WAYS} for kind in self.kinds}


def _field(way: str, initial: Any) -> forms.Field:
    if way == "digest":
        select = forms.Select({"class": "form-select"})
        return forms.ChoiceField(choices=Digest.choices, initial=initial, widget=select)
    return forms.BooleanField(
        required=False, initial=initial, widget=forms.CheckboxInput({"class": "form-check-input"})
    )
