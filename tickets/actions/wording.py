"""The lists of vague words: changed by who keeps the desk's shared texts."""

from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import FieldError, Invalid
from servicedesk.events import record
from servicedesk.shops import must_serve_every_shop
from tickets.composing.checking import word_lists
from tickets.models import WordList

MOST: Final = 300
LONGEST: Final = 60
EDIT: Final = "macros.edit"


@transaction.atomic
def set_word_list(language: str, phrases: Sequence[str], *, by: Actor) -> WordList:
    """These are the vague words of this language from now on. The event says which came and which went.

    Raises Invalid for a language the desk does not have, and for too many or too long phrases.
    """
    by.must(EDIT)
    must_serve_every_shop(by)
    wanted = _checked(language, phrases)
    before = word_lists()[language].phrases
    row = WordList.objects.locking().filter(language=language).first() or WordList(language=language, version=0)
    if row.version and wanted == before:
        return row
    row.phrases, row.changed_at = wanted, now()
    row.changed_by_id = by.id if by.is_staff else None
    row.version += 1
    row.save()
    changes = {
        "language": language,
        "added": [phrase for phrase in wanted if phrase not in before],
        "removed": [phrase for phrase in before if phrase not in wanted],
    }
    record("word_list.changed", row, by=by, changes=changes)
    return row


def _checked(language: str, phrases: Sequence[str]) -> list[str]:
    if language not in dict(settings.LANGUAGES):
        raise Invalid.field("language", "unknown_language", _("Lists are kept in the desk's languages."))
    wanted = list(dict.fromkeys(" ".join(phrase.split()) for phrase in phrases if phrase.strip()))
    errors = []
    if len(wanted) > MOST:
        errors.append(FieldError("phrases", "too_many", _("A list has at most %(n)s phrases.") % {"n": MOST}))
    if any(len(phrase) > LONGEST for phrase in wanted):
        errors.append(FieldError("phrases", "too_long", _("A phrase has at most %(n)s characters.") % {"n": LONGEST}))
    if errors:
        raise Invalid(errors=errors)
    return wanted
