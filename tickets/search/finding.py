"""The one search box: a ticket's number, an order's, an exact e-mail address or phone number, and words."""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from customers.fields import with_keys
from customers.index import digest_email, digest_phone
from customers.models import ContactPoint, Customer
from customers.tokens import fold, phrase_matches, phrases, query_tokens
from servicedesk.errors import Invalid
from servicedesk.models import Shop
from tickets.models import Message, Ticket
from tickets.search.stores import FEW, NEWEST, ROOT, Condition, Hit, store

MOST_TOKENS: Final = 48
# With a phrase, so many documents are decrypted for one page at most; the next page goes on from there.
MOST_OPENED: Final = 1_000
SHORTEST_PHONE: Final = 7
LONGEST_NAME: Final = 254

_ORDER = re.compile(r"(?=.*\d).{3,64}")
_NUMBER = re.compile(r"(?:t-|#)?(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of tickets, and the `before` of the next page; None where there is none."""

    tickets: list[Ticket]
    before: str | None


def find_tickets(q: str, visible: QuerySet[Ticket], limit: int = 50, before: str | None = None) -> Found:
    """The visible tickets that the words find, in any one message or the subject, newest document first.

    Those that the query names exactly come before: by ticket number (T-1042 or 1042), order number, e-mail address or
    phone number. For staff and integrations: notes and replies not yet sent are found as well. Raises Invalid for a
    `before` that is not one of ours.
    """
    kind, place = _place(before)
    names = _names(q)
    ids: list[uuid.UUID] = []
    if kind != "d":
        ids = _named(names, visible, limit + 1, before=uuid.UUID(str(place)) if kind == "x" else None)
        if len(ids) > limit:
            return Found(_in_order(visible, ids[:limit]), f"x{ids[limit - 1].hex}")
    start = int(place) if kind == "d" else NEWEST
    worded, rest = _by_words(_Words(q, names, start), visible, limit - len(ids))
    return Found(_in_order(visible, [*ids, *worded]), rest)


# ------------------------------------------------------------------------------------------------ by name


def _names(q: str) -> list[Q]:
    """The ways in which the query may name tickets exactly, each to be asked by an index of its own."""
    text = q.strip()
    if not text or len(text) > LONGEST_NAME:
        return []
    names = []
    if number := _NUMBER.fullmatch(fold(text)):
        names.append(Q(number_value=int(number[1])))
    if _ORDER.fullmatch(text):
        names.append(Q(order_number=text))
    if customers := _customers(text):
        names.append(Q(customer_id__in=customers))
    return names


def _named(names: list[Q], visible: QuerySet[Ticket], limit: int, before: uuid.UUID | None) -> list[uuid.UUID]:
    """The newest tickets so named, newest first."""
    found: set[uuid.UUID] = set()
    for name in names:
        rows = visible.filter(name).order_by("-pk")
        if before is not None:
            rows = rows.filter(pk__lt=before)
        found.update(rows.values_list("pk", flat=True)[:limit])
    return sorted(found, reverse=True)[:limit]


def _customers(text: str) -> set[uuid.UUID]:
    """Whose e-mail address or phone number this is, with those merged with them."""
    digests = _digests(text)
    if not digests:
        return set()
    # Every column of the index named, so that it is used.
    points = ContactPoint.objects.filter(
        shop__in=Shop.objects.all(), kind__in=ContactPoint.Kind.values, digest__in=digests, is_lookup=True
    )
    found = set(points.values_list("customer_id", flat=True))
    if found:
        group = Customer.objects.filter(Q(merged_into__in=found) | Q(merged__in=found))
        found |= set(group.values_list("pk", flat=True))
    return found


def _digests(text: str) -> set[bytes]:
    found: set[bytes] = set()
    try:
        if "@" in text:
            found.add(digest_email(text))
        elif sum(character.isdigit() for character in text) >= SHORTEST_PHONE:
            for region in Shop.objects.values_list("phone_region", flat=True).distinct():
                found.add(digest_phone(text, region))
    except Invalid:
        # It only looked like one: it is words then.
        return found
    return found


# ------------------------------------------------------------------------------------------------ by words


@dataclass(frozen=True, slots=True)
class _Words:
    """What is looked for by words, from which place on; `names` are those that are shown before."""

    q: str
    names: list[Q]
    before: int

    @property
    def tokens(self) -> list[str]:
        return list(dict.fromkeys(token for run in query_tokens(self.q) for token in run))[:MOST_TOKENS]

    def fresh(self, roots: set[uuid.UUID], tokens: list[str]) -> set[uuid.UUID]:
        """Those of these tickets that were not shown yet: not by a newer document on an earlier page, nor by name.

        With a phrase nobody knows whether the newer document had it; there a ticket may come up on two pages.
        """
        if self.before != NEWEST and not phrases(self.q):
            roots = roots - store().roots_among(roots, tokens, since=self.before)
        for name in self.names if roots else ():
            roots = roots - set(Ticket.objects.filter(name, pk__in=roots).values_list("pk", flat=True))
        return roots


def _by_words(words: _Words, visible: QuerySet[Ticket], limit: int) -> tuple[list[uuid.UUID], str | None]:
    """Up to `limit` tickets, and where the next page begins."""
    tokens = words.tokens
    if not tokens:
        return [], None
    try:
        hits = store().hits(tokens, _condition(visible), words.before, first=limit + 1)
    except EmptyResultSet:
        return [], None
    found: dict[uuid.UUID, int] = {}
    last, opened = words.before, 0
    while batch := list(islice(hits, limit + 1)):
        matching = list(_with_phrases(words.q, batch))
        fresh = words.fresh({hit.root for hit in matching}, tokens)
        for hit in matching:
            if hit.root in fresh and hit.root not in found and len(found) == limit:
                return list(found), f"d{last}"
            if hit.root in fresh:
                found.setdefault(hit.root, hit.id)
            last = hit.id
        last = batch[-1].id
        opened += len(batch)
        if phrases(words.q) and opened >= MOST_OPENED:
            return list(found), f"d{last}"
    return list(found), None


def _condition(visible: QuerySet[Ticket]) -> Condition:
    """The ticket that the document is shown as is visible.

    A scalar subquery, so that the planner cannot turn it into a join with all the tickets there are; and the visible
    tickets themselves, in case they are so few that they are the better way in. Raises EmptyResultSet for none.
    """
    seen = visible.order_by().filter(pk=RawSQL(ROOT, ())).values_list(Value(1))[:1]  # noqa: S611  our own constant
    sql, params = seen.query.sql_with_params()
    few, few_params = visible.order_by().values_list("pk")[: FEW + 1].query.sql_with_params()
    return Condition(f"({sql}) IS NOT NULL", tuple(params), few, tuple(few_params))


def _with_phrases(q: str, hits: list[Hit]) -> Iterator[Hit]:
    """Those whose decrypted text has the query's phrases; all of them where it has none."""
    if not phrases(q):
        yield from hits
        return
    texts = dict(_texts(hits))
    for hit in hits:
        if phrase_matches(texts.get(hit.message_id or hit.ticket_id, ""), q):
            yield hit


def _texts(hits: Iterable[Hit]) -> Iterator[tuple[uuid.UUID, str]]:
    messages = [hit.message_id for hit in hits if hit.message_id is not None]
    subjects = [hit.ticket_id for hit in hits if hit.message_id is None]
    for message in with_keys(Message.objects.filter(pk__in=messages).select_related("customer")):
        yield message.pk, message.body
    for ticket in with_keys(Ticket.objects.filter(pk__in=subjects).select_related("customer")):
        yield ticket.pk, ticket.subject


# ------------------------------------------------------------------------------------------------ pages


def _place(before: str | None) -> tuple[str, str | int]:
    """Where a page begins: among the named ones (`x` and a ticket's id) or the documents (`d` and a key)."""
    if before is None:
        return "", NEWEST
    try:
        if before.startswith("x"):
            return "x", uuid.UUID(before[1:]).hex
        if before.startswith("d") and 0 < (key := int(before[1:])) <= NEWEST:
            return "d", key
    except ValueError:
        pass
    raise Invalid.field("before", "bad_cursor", _("This is not a place in a list of results."))


def _in_order(visible: QuerySet[Ticket], ids: list[uuid.UUID]) -> list[Ticket]:
    by_id = {ticket.pk: ticket for ticket in visible.order_by().filter(pk__in=ids)}
    return [by_id[pk] for pk in ids if pk in by_id]
