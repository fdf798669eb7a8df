"""What people choose for themselves. Preferences are not business events: nobody audits a theme."""

from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from servicedesk.clock import now
from servicedesk.errors import Invalid
from servicedesk.models import User

THEMES = ("auto", "light", "dark")
# CSS pixels between which a pane can be drawn: narrower its lines are cut off, wider the conversation is.
QUEUE_WIDTHS: Final = (240, 560)
CONTEXT_WIDTHS: Final = (220, 520)


def choose_language(user: User, language: str) -> User:
    """The language of the pages, on every device. Raises Invalid for one the desk doesn't speak."""
    if language not in dict(settings.LANGUAGES):
        raise Invalid.field("language", "unknown", _("The desk does not speak this language."))
    user.language = language
    user.save(update_fields=["language"])
    return user


def choose_theme(user: User, theme: str) -> User:
    """light, dark, or auto: the system decides."""
    if theme not in THEMES:
        raise Invalid.field("theme", "unknown", _("There is no such look."))
    user.theme = "" if theme == "auto" else theme
    user.save(update_fields=["theme"])
    return user


def arrange_panes(user: User, *, queue_width: int | None, context_width: int | None) -> User:
    """How wide the desk's outer panes are, in CSS pixels, on every device; None is the look's own width.

    What is beyond the bounds is brought within them.
    """
    user.queue_width = _within(queue_width, QUEUE_WIDTHS)
    user.context_width = _within(context_width, CONTEXT_WIDTHS)
    user.save(update_fields=["queue_width", "context_width"])
    return user


def _within(width: int | None, bounds: tuple[int, int]) -> int | None:
    return None if width is None else max(bounds[0], min(bounds[1], width))


def end_tour(user: User) -> User:
    """This person knows the desk: it no longer shows itself around unasked."""
    if user.toured_at is None:
        user.toured_at = now()
        user.save(update_fields=["toured_at"])
    return user
