"""The OpenAPI document, read off the endpoints: what the decorators know needs no second declaration."""

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, force_instance
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.pagination import OrderedQuery
from servicedesk.rest.problems import CONTENT_TYPE, phrase
from servicedesk.rest.serializers import Nothing, Strict

Schema = dict[str, Any]

ALWAYS: Final = (400, 401, 403, 404, 405, 406, 414, 422, 429, 500, 503)
WITH_BODY: Final = (413, 415)
JSON_VALUE: Final = {"$ref": "#/components/schemas/JsonValue"}
LINK: Final = {"type": ["string", "null"], "format": "uri"}
ETAG: Final = {"description": "The version of this row, for If-Match.", "schema": {"type": "string"}}

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body, the first answer comes back with `Idempotent-Replayed: true`.",
)
IF_MATCH: Final = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag that was read; 412 when it changed."
)
IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="304 while the row still has this ETag."
)


class DeskSchema(AutoSchema):
    """One operation's entry."""

    @property
    def endpoint(self) -> Endpoint | None:
        view: Any = self.view
        name = getattr(view, "action", None)
        if name is None:
            found = getattr(view, "endpoints", {}).get(self.method.lower())
        else:
            found = getattr(getattr(view, name, None), "endpoint", None)
        if found is None and name == "list":
            orders = tuple((key, tuple(order)) for key, order in view.orderings.items())
            found = Endpoint("list", on_row=False, is_list=True, filters=view.filters, orderings=orders)
        if found is None and name == "retrieve":
            found = Endpoint("show")
        return found

    # ------------------------------------------------------------------ what comes in

    def get_override_parameters(self) -> list[Any]:
        endpoint = self.endpoint
        if endpoint is None:
            return []
        parameters: list[Any] = []
        if endpoint.kind == "list" and endpoint.orderings:
            bases = (OrderedQuery,) if endpoint.filters is None else (endpoint.filters, OrderedQuery)
            names = [name for name, _order in endpoint.orderings]
            made: Any = type("Query", bases, {})
            parameters.append(made(orderings=names if len(names) > 1 else []))
        elif endpoint.filters is not None:
            parameters.append(endpoint.filters())
        if endpoint.writes and self.method == "POST":
            parameters.append(IDEMPOTENCY_KEY)
        if endpoint.writes and endpoint.on_row:
            parameters.append(IF_MATCH)
        if endpoint.kind == "show":
            parameters.append(IF_NONE_MATCH)
        return parameters

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        return [
            {
                "in": "path",
                "name": name,
                "required": True,
                "schema": {"type": "string", "format": "uuid"} if name.endswith("id") else {"type": "string"},
            }
            for name in variables
        ]

    def get_request_serializer(self) -> Any:
        endpoint = self.endpoint
        if endpoint is None or (endpoint.takes is None and endpoint.consumes == ("application/json",)):
            return None
        if endpoint.takes is None:
            return {media: {"type": "string", "format": "binary"} for media in endpoint.consumes}
        if issubclass(endpoint.takes, Nothing):
            return {"application/json": {"type": "object", "additionalProperties": False, "properties": {}}}
        return dict.fromkeys(endpoint.consumes, endpoint.takes)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(force_instance(serializer), Strict):
            schema["additionalProperties"] = False
        for shown in schema.get("properties", {}).values():
            if shown.get("readOnly") and "integer" in shown.get("type", ()):
                # Its bounds are those of the column, which differ between databases: no promise to those outside.
                for bound in ("minimum", "maximum", "format"):
                    shown.pop(bound, None)
        return schema

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """`TicketOut` is a Ticket to those outside; what they send is told apart by the suffix Request."""
        return type(serializer).__name__.removesuffix("Out").removesuffix("In")

    # ------------------------------------------------------------------ what goes out

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.endpoint is not None and self.endpoint.is_list

    def get_response_serializers(self) -> Any:
        return None if self.endpoint is None else self.endpoint.answers

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        endpoint = self.endpoint
        if endpoint is None:
            found: Schema = super()._get_response_bodies(direction)
            return found
        responses = {str(status): self._success(endpoint) for status in (endpoint.status, *endpoint.also)}
        if endpoint.kind == "show":
            responses["304"] = {"description": "Unchanged."}
        for status in problems_of(endpoint):
            responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        return responses

    def _success(self, endpoint: Endpoint) -> Schema:
        if endpoint.kind == "download":
            return {"description": "", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
        answers = endpoint.answers or getattr(self.view, "shows", None)
        if endpoint.status == 204 or answers is None:
            return {"description": "Done; no body."}
        schema = self.resolve_serializer(force_instance(answers), "response").ref
        if endpoint.is_list:
            schema = self._envelope(endpoint, schema)
        answer: Schema = {
            "description": phrase(endpoint.status),
            "content": {"application/json": {"schema": schema}},
        }
        if not endpoint.is_list and endpoint.kind != "feed":
            answer["headers"] = {"ETag": ETAG}
        return answer

    def _envelope(self, endpoint: Endpoint, item: Schema) -> Schema:
        paged = endpoint.kind == "list"
        results = {"results": {"type": "array", "items": item}}
        links = {"next": LINK, "previous": LINK} if paged else {}
        name = item["$ref"].rsplit("/", 1)[-1]
        component = ResolvedComponent(
            name=f"{name}Page" if paged else f"{name}Results",
            type=ResolvedComponent.SCHEMA,
            schema={"type": "object", "required": [*results, *links], "properties": {**results, **links}},
            object=f"{name}:{paged}",
        )
        self.registry.register_on_missing(component)
        return component.ref


def problems_of(endpoint: Endpoint) -> Iterator[int]:
    yield from ALWAYS
    if endpoint.writes or endpoint.kind == "ask":
        yield from WITH_BODY
    if endpoint.writes:
        yield 409
    if endpoint.writes and endpoint.on_row:
        yield 412


class JsonObjectSchema(OpenApiSerializerFieldExtension):
    target_class = "servicedesk.rest.fields.JsonObject"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        return {"type": "object", "additionalProperties": JSON_VALUE}


# ------------------------------------------------------------------------------------------------ the whole


def only_this_version(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def finish(result: Schema, generator: Any, request: Any, public: bool) -> Schema:  # noqa: FBT001  a hook's signature
    """Add what every operation refers to."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {}).update(SHARED_SCHEMAS)
    components["responses"] = {
        f"Problem{status}": _problem_response(status) for status in sorted({*ALWAYS, *WITH_BODY, 409, 412})
    }
    return result


def _problem_response(status: int) -> Schema:
    answer: Schema = {
        "description": phrase(status),
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in {429, 503}:
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return answer


SHARED_SCHEMAS: Final[Schema] = {
    "JsonValue": {
        "description": "Any JSON value.",
        "anyOf": [
            {"type": "string"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"type": "array", "items": JSON_VALUE},
            {"type": "object", "additionalProperties": JSON_VALUE},
        ],
    },
    "Problem": {
        "description": "RFC 9457. `code` is for programs; `errors` names the fields, by dotted path.",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "detail"],
                    "properties": {
                        "field": {"type": "string", "description": "Empty for the body as a whole."},
                        "code": {"type": "string"},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    },
}
