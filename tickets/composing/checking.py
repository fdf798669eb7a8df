"""Looks up what `warnings_of` has to know of a reply and its ticket."""

from django.conf import settings

from customers.fields import Erased
from customers.spotting import contacts_of_others
from servicedesk.actor import Actor
from servicedesk.languages import ways_to_say
from tickets.channels.mail.language import guess_language
from tickets.composing.phrases import DEFAULTS
from tickets.composing.warnings import Reply, Warning, warnings_of
from tickets.models import Author, Message, Ticket, Visibility, WordList


def check_reply(ticket: Ticket, text: str, *, by: Actor, visibility: str = Visibility.PUBLIC) -> list[Warning]:
    """The warnings for this text as a reply in this ticket; none for a note, which no customer reads."""
    by.must("tickets.reply", ticket)
    if visibility != Visibility.PUBLIC:
        return []
    customer = ticket.customer
    return warnings_of(
        Reply(
            text=text,
            language=_language_of(ticket),
            name="" if isinstance(customer.name, Erased) else customer.name,
            is_first=ticket.first_responded_at is None,
            vague=vague_phrases(guess_language(text)),
            foreign=contacts_of_others(text, customer),
        )
    )


def _language_of(ticket: Ticket) -> str:
    """The language the customer wrote last, which a ticket from a shop's own form may only suppose."""
    rows = Message.objects.in_conversation(ticket).filter(author=Author.CUSTOMER, visibility=Visibility.PUBLIC)
    last = rows.select_related("customer").last()
    said = "" if last is None or isinstance(last.body, Erased) else guess_language(last.body)
    supposed = ticket.language or ticket.customer.language
    # A guess does not know the script of a text without telling characters; what is recorded does.
    return supposed if said.startswith("zh") and supposed.lower().startswith("zh") else said or supposed


def vague_phrases(language: str) -> list[str]:
    """What counts as vague in this language: the manager's list, else the desk's own; nothing in others."""
    codes = ways_to_say(language)
    kept = {row.language: row.phrases for row in WordList.objects.filter(language__in=codes)}
    lists = (kept.get(code, DEFAULTS.get(code)) for code in codes)
    return next((list(phrases) for phrases in lists if phrases is not None), [])


def word_lists() -> dict[str, WordList]:
    """The list of each of the desk's languages; what no manager has touched is the desk's own, of version 0."""
    kept = {row.language: row for row in WordList.objects.all()}
    return {code: kept.get(code) or _own(code) for code, _name in settings.LANGUAGES}


def _own(language: str) -> WordList:
    """The desk's own list, as a row that nobody has saved."""
    return WordList(language=language, phrases=list(DEFAULTS.get(language, ())), version=0)
