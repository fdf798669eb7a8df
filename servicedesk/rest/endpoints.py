"""Decorators that make an endpoint of a viewset's method, and keep for the schema what they were told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.rest.serializers import Nothing, Strict

Method = Callable[..., Any]
Serializer = type[serializers.BaseSerializer[Any]]
Kind = Literal["create", "act", "edit", "remove", "ask", "list", "show", "feed", "download"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one operation takes and answers."""

    kind: Kind
    takes: type[Strict] | None = None
    answers: Serializer | None = None  # None: the view's `shows`
    status: int = 200
    also: tuple[int, ...] = ()  # other statuses that come with the same answer
    on_row: bool = True
    is_list: bool = False
    filters: type[Strict] | None = None
    orderings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    description: str = ""
    consumes: tuple[str, ...] = ("application/json",)

    @property
    def writes(self) -> bool:
        return self.kind in {"create", "act", "edit", "remove"}


def creates(takes: type[Strict], *, answers: Serializer | None = None) -> Callable[[Method], Method]:
    """`def create(self, data) -> row`: POST to the list, 201 with Location and ETag."""
    return _writes(Endpoint("create", takes, answers, 201, on_row=False))


def edits(takes: type[Strict], *, answers: Serializer | None = None) -> Callable[[Method], Method]:
    """`def partial_update(self, row, data) -> row`: PATCH; only the fields that were sent are in `data`."""
    return _writes(Endpoint("edit", takes, answers))


def removes(method: Method) -> Method:
    """`def destroy(self, row) -> None`: DELETE, 204."""
    return _writes(Endpoint("remove", status=204))(method)


def acts(
    takes: type[Strict] = Nothing,
    *,
    answers: Serializer | None = None,
    status: int = 200,
    path: str | None = None,
    on_row: bool = True,
) -> Callable[[Method], Method]:
    """`def hold(self, row, data) -> row`: POST to `{id}/hold/`; without `on_row`, `def hold(self, data)` on the list.

    The path is the method's name with dashes, or `path`.
    """
    return _routed("post", path, _writes(Endpoint("act", takes, answers, status, on_row=on_row)), on_row=on_row)


def adds(
    takes: type[Strict] = Nothing, *, answers: Serializer | None = None, status: int = 201
) -> Callable[[Method], Method]:
    """An action on the path of another endpoint: `@messages.mapping.post` above, `@adds(PostIn, answers=…)` below."""
    return _writes(Endpoint("act", takes, answers, status))


def asks(
    takes: type[Strict], *, answers: Serializer | None = None, many: bool = False, path: str | None = None
) -> Callable[[Method], Method]:
    """`def lookup(self, data)`: a POST that only reads, because its words must not stand in an address.

    Returns a row, or with `many` a list or a bounded queryset. Named `create` it is the POST to the list itself.
    """
    endpoint = Endpoint("ask", takes, answers, on_row=False, is_list=many)

    def decorate(method: Method) -> Method:
        @wraps(method)
        def endpoint_of_view(self: Any, request: Request, *_: Any, **__: Any) -> Response:
            result = method(self, self.parse(takes))
            serializer = answers or self.shows
            if not many:
                return self.shown(result, serializer, 200)  # type: ignore[no-any-return]
            rows = self.loaded(list(result))
            return Response({"results": serializer(rows, many=True, context={"actor": self.actor}).data})

        return _marked(endpoint_of_view, endpoint)

    return _routed("post", path, decorate, on_row=False)


def lists(
    answers: Serializer,
    *,
    order: Sequence[str] = ("id",),
    filters: type[Strict] | None = None,
    path: str | None = None,
    reads: str | None = None,
    on_row: bool = True,
) -> Callable[[Method], Method]:
    """`def messages(self, row, query) -> queryset`: GET `{id}/messages/`, by page in `order`.

    The page goes through `loaded_<method>(rows)` where the view has one. `reads` is the permission, else the view's.
    """
    orderings = (("", tuple(order)),)
    endpoint = Endpoint("list", answers=answers, on_row=on_row, is_list=True, filters=filters, orderings=orderings)

    def decorate(method: Method) -> Method:
        @wraps(method)
        def endpoint_of_view(self: Any, request: Request, *_: Any, **__: Any) -> Response:
            self.actor.must(reads or self.reads)
            query = self.query(filters, dict(orderings))
            rows = method(self, *([self.row()] if on_row else []), query)
            loaded = getattr(self, f"loaded_{method.__name__}", list)
            return self.page(rows, order, query, answers, loaded)  # type: ignore[no-any-return]

        return _marked(endpoint_of_view, endpoint)

    return _routed("get", path, decorate, on_row=on_row)


def shows(answers: Serializer, *, path: str | None = None, reads: str | None = None) -> Callable[[Method], Method]:
    """`def explain(self, row, **path) -> object`: GET `{id}/explain/`; `path` may hold further named groups."""
    endpoint = Endpoint("show", answers=answers)

    def decorate(method: Method) -> Method:
        @wraps(method)
        def endpoint_of_view(self: Any, request: Request, *_: Any, **kwargs: Any) -> Response:
            self.actor.must(reads or self.reads)
            kwargs.pop("pk", None)
            return self.shown(method(self, self.row(), **kwargs), answers, 200)  # type: ignore[no-any-return]

        return _marked(endpoint_of_view, endpoint)

    return _routed("get", path, decorate, on_row=True)


# ------------------------------------------------------------------------------------------------ how


def _writes(endpoint: Endpoint) -> Callable[[Method], Method]:
    def decorate(method: Method) -> Method:
        @wraps(method)
        def endpoint_of_view(self: Any, request: Request, *_: Any, **kwargs: Any) -> Any:
            # Validated before the key is claimed: a body that is wrong in itself doesn't use the key up.
            partial = endpoint.kind == "edit"
            data = [] if endpoint.takes is None else [self.parse(endpoint.takes, partial=partial)]
            kwargs.pop("pk", None)

            def act() -> Response:
                row = [self.target()] if endpoint.on_row else []
                result = method(self, *row, *data, **kwargs)
                serializer = None if endpoint.status == 204 else endpoint.answers or self.shows
                return self.shown(result, serializer, endpoint.status)  # type: ignore[no-any-return]

            return self.through_the_door(act)

        return _marked(endpoint_of_view, endpoint)

    return decorate


def _routed(
    verb: Literal["get", "post"], path: str | None, decorate: Callable[[Method], Method], *, on_row: bool
) -> Callable[[Method], Method]:
    def route(method: Method) -> Method:
        made = decorate(method)
        if method.__name__ == "create":
            return made  # POST to the list itself, which the router knows
        url_path = path or method.__name__.replace("_", "-")
        routed: Method = action(detail=on_row, methods=[verb], url_path=url_path)(made)
        return routed

    return route


def _marked(function: Method, endpoint: Endpoint) -> Method:
    function.endpoint = endpoint  # type: ignore[attr-defined]
    return function
