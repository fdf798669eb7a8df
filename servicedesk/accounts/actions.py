"""What people choose for themselves. Preferences are not business events: nobody audits a theme."""

from django.conf import settings
from django.utils.translation import gettext as _

from servicedesk.errors import Invalid
from servicedesk.models import User

THEMES = ("auto", "light", "dark")


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
