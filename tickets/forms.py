"""What the desk's and the help pages' forms take in. Rules of business live in the actions; here only shapes."""

import uuid
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.files import EncryptedUpload
from customers.models import Reveal
from servicedesk.models import Team, User
from tickets.attachments import AT_MOST
from tickets.models import Kind, Priority, Tag, Ticket, TransferReason, Visibility

LONGEST_TEXT = 100_000
ZONES = available_timezones()


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files up to the desk's limit; cleaned to a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=SeveralFiles(), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        files = [file for file in (data if isinstance(data, list | tuple) else [data]) if file]
        if len(files) > AT_MOST:
            raise forms.ValidationError(_("A message has at most %(n)s files."), params={"n": AT_MOST})
        for file in files:
            if isinstance(file, EncryptedUpload) and not file.fits:
                raise forms.ValidationError(
                    _("A file can have at most %(n)s MB."), params={"n": settings.ATTACHMENT_MAX_BYTES // 1_048_576}
                )
        return files


class TextField(forms.CharField):
    """A longer text that keeps its line breaks and must not be blank."""

    def __init__(self, *, label: Any, rows: int, **kwargs: Any) -> None:
        attrs = {"rows": rows, "placeholder": kwargs.pop("placeholder", ""), "autocomplete": "off"}
        super().__init__(label=label, max_length=LONGEST_TEXT, widget=forms.Textarea(attrs), **kwargs)


class MomentField(forms.DateTimeField):
    """A moment in the reader's time zone, as browsers enter it."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(required=False, widget=widget, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **kwargs)


class IdsField(forms.Field):
    """Ids in hidden inputs of one name, at most twenty; cleaned to a list without doubles."""

    widget = forms.MultipleHiddenInput
    most = 20

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> list[uuid.UUID]:
        try:
            found = list(dict.fromkeys(uuid.UUID(str(one)) for one in value or []))
        except ValueError:
            raise forms.ValidationError(_("This page was put together wrongly. Reload it.")) from None
        if len(found) > self.most:
            raise forms.ValidationError(_("At most %(n)s of these go with a message."), params={"n": self.most})
        return found


class SearchForm(forms.Form):
    q = forms.CharField(label=_("Search"), max_length=200, required=False)


class ReplyForm(forms.Form):
    """A reply or a note, what goes with it, when it leaves, and what is to become of the ticket as it does.

    `later` is "" for at once, "chosen" for the moment in `leaves_at`, or a moment itself, in the reader's time zone.
    What was chosen is meant in the browser's `zone` where it said one, as all times on the page are shown in it.
    `anyway` says that the warnings were read, and what had been pressed before: "1", "hold", "solve" or "later:…".
    """

    visibility = forms.ChoiceField(
        label=_("Who reads it"),
        choices=[(Visibility.PUBLIC.value, _("Reply")), (Visibility.INTERNAL.value, _("Note"))],
        initial=Visibility.PUBLIC.value,
    )
    body = TextField(label=_("Your message"), rows=3, placeholder=_("Write to the customer, or a note for the team"))
    attachments = FilesField(label=_("Attach files"))
    then = forms.ChoiceField(choices=[("", ""), ("hold", "hold"), ("solve", "solve")], required=False)
    uploaded = IdsField()
    mentions = IdsField()
    macros = IdsField()
    later = forms.CharField(max_length=32, required=False)
    leaves_at = MomentField(label=_("Send at"))
    zone = forms.CharField(max_length=64, required=False)
    anyway = forms.CharField(max_length=40, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        anyway = data.get("anyway", "")
        if anyway in {"hold", "solve"}:
            data["then"] = anyway
        elif anyway.startswith("later:"):
            data["later"] = anyway.removeprefix("later:")
        later = data.get("later", "")
        if not later:
            data["leaves_at"] = None
        elif later != "chosen":
            try:
                data["leaves_at"] = self.fields["leaves_at"].clean(later)
            except forms.ValidationError as error:
                self.add_error("leaves_at", error)
        elif data.get("leaves_at") is not None and data.get("zone") in ZONES:
            data["leaves_at"] = data["leaves_at"].replace(tzinfo=ZoneInfo(data["zone"]))
        elif data.get("leaves_at") is None and "leaves_at" not in self.errors:
            self.add_error("leaves_at", _("Choose when it is to leave."))
        return data

    @property
    def pressed(self) -> str:
        """What “Send anyway” repeats."""
        data = self.cleaned_data
        if data.get("leaves_at"):
            return f"later:{timezone.localtime(data['leaves_at']):%Y-%m-%dT%H:%M}"
        return data.get("then") or "1"


class DraftForm(forms.Form):
    """What is in the composer, to be kept as it is; the files that a browser holds are not part of it."""

    visibility = forms.ChoiceField(choices=Visibility.choices, required=False)
    body = forms.CharField(max_length=LONGEST_TEXT, required=False, strip=False)
    uploaded = IdsField()
    mentions = IdsField()
    macros = IdsField()


class MacroForm(forms.Form):
    macro = forms.UUIDField(widget=forms.HiddenInput)


class AssignForm(forms.Form):
    """Somebody, whoever is free (“auto”), oneself (“me”), or nobody (“none”)."""

    assignee = forms.ChoiceField(label=_("Give it to"))
    reason = forms.ChoiceField(label=_("Why"), choices=[("", "–"), *TransferReason.choices], required=False)

    def __init__(self, *args: Any, people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(person.pk): person for person in people}
        self.fields["assignee"].choices = [  # type: ignore[attr-defined]
            ("auto", _("Whoever is free")),
            ("me", _("Me")),
            ("none", _("Nobody: back to the queue")),
            (_("People"), [(key, person.name) for key, person in self.people.items()]),
        ]


class HoldForm(forms.Form):
    wait_for = forms.ChoiceField(
        label=_("Wait for"), choices=[("customer", _("the customer")), ("others", _("others"))], initial="customer"
    )
    until = MomentField(label=_("At most until"), help_text=_("Empty: until somebody resumes it."))


class EditForm(forms.Form):
    """How a ticket is filed."""

    subject = forms.CharField(label=_("Subject"), max_length=300, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind.choices)
    priority = forms.ChoiceField(label=_("Priority"), choices=Priority.choices)
    team = forms.ChoiceField(label=_("Team"), required=False)
    tags = forms.CharField(label=_("Tags"), required=False, max_length=2_000, help_text=_("Separated by commas."))

    def __init__(self, *args: Any, teams: Sequence[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {str(team.pk): team for team in teams}
        choices = [("", "–"), *((key, team.name) for key, team in self.teams.items())]
        self.fields["team"].choices = choices  # type: ignore[attr-defined]

    @staticmethod
    def initial_of(ticket: Ticket, tags: Sequence[Tag]) -> dict[str, str]:
        return {
            "subject": str(ticket.subject),
            "kind": ticket.kind,
            "priority": ticket.priority,
            "team": str(ticket.team_id or ""),
            "tags": ", ".join(tag.name for tag in tags),
        }

    def clean_tags(self) -> list[str]:
        separated = self.cleaned_data["tags"].replace("，", ",").replace("、", ",").split(",")
        names = [name.strip() for name in separated]
        if any(len(name) > 40 for name in names):
            raise forms.ValidationError(_("A tag has at most 40 characters."))
        return [name for name in names if name]


class RevealForm(forms.Form):
    """Why somebody needs to see what is masked."""

    reason = forms.ChoiceField(label=_("Why do you need it?"), choices=Reveal.Reason.choices)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)


class AskForm(forms.Form):
    """What a customer asks on the help pages. The pot is for robots: people don't see it."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, required=False, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        help_text=_("Or a phone number: one of the two, so that we can answer you."),
        widget=forms.EmailInput({"autocomplete": "email", "inputmode": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"), max_length=40, required=False, widget=forms.TextInput({"autocomplete": "tel", "type": "tel"})
    )
    order_number = forms.CharField(label=_("Order number"), max_length=64, required=False)
    subject = forms.CharField(label=_("What is it about?"), max_length=200)
    body = TextField(label=_("Your question"), rows=6)
    attachments = FilesField(label=_("Pictures or files"), help_text=_("Up to 25 MB each, 35 MB together."))
    website = forms.CharField(required=False, widget=forms.TextInput({"tabindex": "-1", "autocomplete": "off"}))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("email") and not data.get("phone") and not {"email", "phone"} & set(self.errors):
            self.add_error("email", _("Give an e-mail address or a phone number, so that we can answer you."))
        return data

    @property
    def is_robot(self) -> bool:
        return bool(self.cleaned_data.get("website"))


class AnswerForm(forms.Form):
    """What a customer adds to their ticket."""

    body = TextField(label=_("Your message"), rows=4)
    attachments = FilesField(label=_("Pictures or files"), help_text=_("Up to 25 MB each, 35 MB together."))
