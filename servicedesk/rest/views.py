"""The base of every REST view, and the decorators that make an endpoint of a method. See docs/rest.md for the recipe.

A method says what is particular: it gets the row (locked and compared where If-Match was sent) and the validated body,
calls the action, and returns what the action returned. Everything else about a request is here, once.
"""

import uuid
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from servicedesk.actor import Actor
from servicedesk.errors import Invalid, NotFound, TooLarge
from servicedesk.models import ApiKey
from servicedesk.request_bodies import content_length
from servicedesk.rest.authentication import touch_after
from servicedesk.rest.concurrency import etag_of, is_unchanged, must_match, wants_match
from servicedesk.rest.endpoints import Endpoint, acts, adds, asks, creates, edits, lists, removes, shows
from servicedesk.rest.idempotency import key_of, once
from servicedesk.rest.pagination import OrderedQuery, Page
from servicedesk.rest.parsers import CONTROL
from servicedesk.rest.serializers import Strict, validated

M = TypeVar("M", bound=models.Model)

__all__ = ["DeskView", "DeskViewSet", "acts", "adds", "asks", "creates", "edits", "lists", "removes", "shows"]


class DeskView(APIView):
    """A view with an actor, a bounded body, and a door for writing."""

    max_body_bytes: ClassVar[int] = settings.JSON_MAX_BYTES
    actor: Actor
    endpoints: ClassVar[dict[str, Endpoint]] = {}  # by method name, for views that are no viewsets

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if request.method not in SAFE_METHODS:
            # Multipart answers 413 before a byte is kept; JSON before it is parsed.
            self.body_too_large = content_length(request) > self.max_body_bytes
        return super().initialize_request(request, *args, **kwargs)

    body_too_large = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.body_too_large:
            raise TooLarge(_("The body is larger than this address takes."))
        super().initial(request, *args, **kwargs)
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise Invalid(CONTROL, code="unstorable_text")
        if "\x00" in request.path:
            raise NotFound
        self.actor = request._request.actor  # type: ignore[attr-defined]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(answer, ("Authorization", "Cookie"))
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        # What was found out, not `request.auth`: with the database away that would ask again and turn a 503 into a 500.
        key = getattr(request._request, "auth", None)
        if isinstance(key, ApiKey):
            touch_after(answer, key)
        return answer

    def parse(self, serializer: type[Strict], *, partial: bool = False) -> dict[str, Any]:
        """The body, validated. A 422 names the fields otherwise. `partial`: whatever is left out stays out."""
        return validated(serializer, self.request.data, partial=partial)

    def parse_query(self, serializer: type[Strict]) -> dict[str, Any]:
        """The query parameters, validated; an unknown one is a 422."""
        return validated(serializer, self.request.query_params)

    def through_the_door(self, act: Callable[[], Response]) -> Response | HttpResponse:
        """`act()` in one transaction, and once per Idempotency-Key on a POST."""
        key = key_of(self.request) if self.request.method == "POST" else None
        if key is None:
            with transaction.atomic():
                return act()
        return once(key, self.request, self.actor, act=act, refuse=self.handle_exception)


class DeskViewSet(ViewSetMixin, DeskView, Generic[M]):
    """A noun's endpoints. Reads go through `visible_to(actor)`: what the actor may not see is a 404."""

    model: ClassVar[type[models.Model]]
    reads: ClassVar[str]
    shows: ClassVar[type[serializers.BaseSerializer[Any]]]
    filters: ClassVar[type[Strict] | None] = None
    orderings: ClassVar[dict[str, Sequence[str]]] = {"-id": ("-id",)}
    action: str

    # ---------------------------------------------------------------- what a noun may change

    def rows(self) -> "QuerySet[M]":
        """What the actor may see."""
        manager: Any = self.model._default_manager
        visible: QuerySet[M] = manager.all().visible_to(self.actor)
        return visible

    def listed(self, rows: "QuerySet[M]", query: dict[str, Any]) -> "QuerySet[M]":
        """Apply the validated filters."""
        return rows

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        """A page, or one row, about to be shown: the place for prefetching and for `with_keys`."""
        return rows

    # ---------------------------------------------------------------- reading

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.actor.must(self.reads)
        query = self.query(self.filters, self.orderings)
        order = self.orderings[query.get("ordering") or next(iter(self.orderings))]
        return self.page(self.listed(self.rows(), query), order, query, self.shows, self.loaded)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.actor.must(self.reads)
        row = self.row()
        tag = etag_of(row)
        if tag is not None and is_unchanged(request, tag):
            return Response(status=304, headers={"ETag": tag})
        return self.shown(row, self.shows, 200)

    def row(self, *, lock: bool = False) -> M:
        """The row in the address, if the actor may see it; NotFound otherwise."""
        pk = _uuid(self.kwargs["pk"])
        row = self.rows().filter(pk=pk).first()
        if row is None:
            raise NotFound
        if lock:
            manager: Any = self.model._default_manager
            row = manager.all().lock(pk)
        return row

    def query(self, filters: type[Strict] | None, orderings: dict[str, Sequence[str]]) -> dict[str, Any]:
        """The query parameters, validated: the page's own and the filters together, any other is a 422."""
        return query_serializer(filters, orderings, self.request.query_params)

    def page(
        self,
        rows: "QuerySet[Any]",
        order: Sequence[str],
        query: dict[str, Any],
        serializer: type[serializers.BaseSerializer[Any]],
        loaded: Callable[[Sequence[Any]], Sequence[Any]],
    ) -> Response:
        page = Page(rows, order, query, self.request)
        results = serializer(loaded(page.rows), many=True, context={"actor": self.actor}).data
        return Response(page.envelope(results))

    # ---------------------------------------------------------------- writing

    def target(self) -> M:
        """The row an action is for: locked and compared with If-Match where that was sent."""
        if not wants_match(self.request):
            return self.row()
        row = self.row(lock=True)
        must_match(self.request, row)
        return row

    def shown(self, result: Any, serializer: type[serializers.BaseSerializer[Any]] | None, status: int) -> Response:
        """What an action returned, as its answer; `loaded` first where it is a row of this noun."""
        if serializer is None or result is None:
            return Response(status=204)
        if isinstance(result, self.model):
            result = self.loaded([result])[0]
        headers = {"ETag": tag} if (tag := etag_of(result)) else {}
        if status == 201 and isinstance(result, self.model):
            headers["Location"] = self.request.build_absolute_uri(f"{self.request.path}{result.pk}/")
        return Response(serializer(result, context={"actor": self.actor}).data, status=status, headers=headers)


def query_serializer(filters: type[Strict] | None, orderings: dict[str, Sequence[str]], params: Any) -> dict[str, Any]:
    return validated(_query_class(filters), params, orderings=tuple(orderings) if len(orderings) > 1 else ())


@cache
def _query_class(filters: type[Strict] | None) -> type[OrderedQuery]:
    """The page's own parameters and the filters in one serializer: made once for each noun."""
    return OrderedQuery if filters is None else type("Query", (filters, OrderedQuery), {})


def _uuid(value: Any) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
    except ValueError:
        raise NotFound from None
