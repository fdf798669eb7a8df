"""Lists by page: `{"results", "next", "previous"}`, a signed cursor, `limit` ≤ 100. No count, no offset."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from servicedesk.rest.fields import WholeNumber, Words
from servicedesk.rest.keyset import DEFAULT_LIMIT, MAX_LIMIT, BadCursor, Keyset
from servicedesk.rest.serializers import Strict


class PageQuery(Strict):
    """What every list takes beside its own filters."""

    limit = WholeNumber(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text=_("Rows a page."))
    cursor = Words(max_length=2000, required=False, help_text=_("As given in `next` or `previous`."))


class OrderedQuery(PageQuery):
    """A list with several orders; the view fills in the choices."""

    def __init__(self, *args: Any, orderings: Sequence[str], **kwargs: Any) -> None:
        self.orderings = orderings
        super().__init__(*args, **kwargs)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.orderings:
            fields["ordering"] = serializers.ChoiceField(list(self.orderings), default=self.orderings[0])
        return fields


class Page:
    """One page of a queryset in an order, and the links around it."""

    def __init__(self, rows: "QuerySet[Any]", order: Sequence[str], query: Mapping[str, Any], request: Request) -> None:
        """Raises BadCursor (400) when the cursor was altered or belongs to a list in another order."""
        self.request = request
        self.keyset = Keyset(rows, order)
        self.signer = Signer(salt="rest.cursor:" + rows.model._meta.label + ":" + ",".join(order))
        self.limit: int = query["limit"]
        backward, place = self._open(query.get("cursor"))
        found = self.keyset.read(rows, place, self.limit + 1, backward=backward)
        more = len(found) > self.limit
        self.rows = (found[1:] if backward else found[:-1]) if more else found
        self.has_next = more if not backward else place is not None
        self.has_previous = place is not None if not backward else more

    def _open(self, cursor: str | None) -> tuple[bool, list[Any] | None]:
        if cursor is None:
            return False, None
        try:
            backward, place = self.signer.unsign_object(cursor)
        except (BadSignature, ValueError) as error:
            raise BadCursor(_("This cursor does not belong to this list.")) from error
        return bool(backward), place

    def _link(self, row: Any, *, backward: bool) -> str:
        cursor = self.signer.sign_object([int(backward), self.keyset.values_of(row)])
        query = self.request.query_params.copy()
        query["cursor"] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")

    def envelope(self, results: Sequence[Any]) -> dict[str, Any]:
        """The body of the answer around the serialised rows."""
        rows = self.rows
        return {
            "results": results,
            "next": self._link(rows[-1], backward=False) if rows and self.has_next else None,
            "previous": self._link(rows[0], backward=True) if rows and self.has_previous else None,
        }
