"""Small pieces of every page: icons, times in the reader's zone, countdowns, fields, the language and theme choices."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms, template
from django.conf import settings
from django.forms.boundfield import BoundField
from django.http import HttpRequest
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from servicedesk.accounts.browsers import browser_name
from servicedesk.actor import Actor
from servicedesk.clock import now

register = template.Library()
register.filter(browser_name)

LANGUAGE_NAMES = {"en": "English", "zh-hans": "简体中文", "zh-hant": "繁體中文"}
HTML_LANGUAGES = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}
THEMES = [
    ("auto", pgettext_lazy("theme", "Like the system"), "device-desktop"),
    ("light", pgettext_lazy("theme", "Light"), "sun"),
    ("dark", pgettext_lazy("theme", "Dark"), "moon"),
]


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Tabler's icon; with a label it speaks, without one it is decoration."""
    if label:
        return format_html('<i class="ti ti-{}" role="img" aria-label="{}" title="{}"></i>', name, label, label)
    return format_html('<i class="ti ti-{}" aria-hidden="true"></i>', name)


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """The moment in the server's zone for the reader; the page's script rewrites it, exactly and in the browser's."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localtime(now()).date()
    text = f"{local:%H:%M}" if is_today else date_format(local, "SHORT_DATETIME_FORMAT")
    return format_html('<time datetime="{}" data-when>{}</time>', short_iso(at), text)


def spell_seconds(seconds: float) -> str:
    """mm:ss, h:mm:ss, or days with hh:mm: the same as the page's script writes."""
    whole = abs(int(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return _("%(days)sd %(rest)s") % {"days": days, "rest": f"{hours:02}:{minutes:02}"}
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"


@register.filter
def duration(value: timedelta | float | None) -> str:
    if value is None:
        return "–"
    return spell_seconds(value.total_seconds() if isinstance(value, timedelta) else value)


def short_iso(at: datetime) -> str:
    """UTC to the second: there are fifty of these in a queue."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


@register.simple_tag
def countdown(due_at: datetime | None, warn_at: datetime | None = None, paused: str = "") -> SafeString | str:
    """A deadline that ticks in the browser, where its title becomes the exact moment.

    `paused` (the words to show instead) makes it stand.
    """
    if paused:
        return format_html('<span class="countdown" data-tone="idle">{}</span>', paused)
    if due_at is None:
        return ""
    moment = now()
    left = (due_at - moment).total_seconds()
    return format_html(
        '<time class="countdown" datetime="{}" data-warn="{}" data-tone="{}">{}</time>',
        short_iso(due_at),
        short_iso(warn_at) if warn_at else "",
        "late" if left < 0 else "warn" if warn_at and moment >= warn_at else "ok",
        ("−" if left < 0 else "") + spell_seconds(left),
    )


def dress(bound: BoundField) -> str:
    """The widget with the look's class and what assistive technology needs to know about hint and errors."""
    widget = bound.field.widget
    look = "form-control"
    if isinstance(widget, forms.CheckboxInput):
        look = "form-check-input"
    elif isinstance(widget, forms.Select) and not isinstance(widget, forms.SelectMultiple | forms.RadioSelect):
        look = "form-select"
    attrs: dict[str, Any] = {"class": f"{look} {widget.attrs.get('class', '')}".strip()}
    described = [
        f"{bound.id_for_label}-{part}" for part, there in (("hint", bound.help_text), ("error", bound.errors)) if there
    ]
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return str(bound.as_widget(attrs=attrs))


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField, label: str = "", hidden_label: bool = False) -> dict[str, Any]:
    return {
        "field": bound,
        "widget": dress(bound),
        "label": label or bound.label,
        "hidden_label": hidden_label,
        "is_check": isinstance(bound.field.widget, forms.CheckboxInput),
    }


@register.inclusion_tag("ui/fields.html")
def fields(form: forms.BaseForm, unlabelled: bool = False) -> dict[str, Any]:
    return {"form": form, "unlabelled": unlabelled}


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """ "light", "dark", or "" where the system decides."""
    request = context.get("request")
    if request is None:
        return ""
    user = getattr(request, "user", None)
    chosen = user.theme if user is not None and user.is_authenticated else request.COOKIES.get("theme", "")
    return chosen if chosen in {"light", "dark"} else ""


@register.inclusion_tag("ui/choices.html", takes_context=True)
def choices(context: Context) -> dict[str, Any]:
    """The menus of languages and themes; each choice is a small form that comes back to this page."""
    request = context["request"]
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "languages": [(code, LANGUAGE_NAMES.get(code, name), html_language(code)) for code, name in settings.LANGUAGES],
        "language": get_language(),
        "themes": THEMES,
        "theme": theme(context) or "auto",
        "next": request.get_full_path() if request.method == "GET" else request.path,
    }


@register.filter
def html_language(code: str) -> str:
    """Django's code as HTML wants it: zh-hans is zh-Hans."""
    return HTML_LANGUAGES.get(code, code)


@register.filter
def language_name(code: str) -> str:
    return LANGUAGE_NAMES.get(code.lower(), code)


@register.filter
def may(request: HttpRequest, permission: str) -> bool:
    """Whether who asks may, anywhere: for showing or hiding a door. The action behind it asks again."""
    actor: Actor | None = getattr(request, "actor", None)
    return actor is not None and actor.may(permission)
