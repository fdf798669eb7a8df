"""The OpenAPI document: whole, typed, and the one that is committed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def schema() -> Any:
    with translation.override("en"):
        return yaml.safe_load(
            OpenApiYamlRenderer().render(SchemaGenerator().get_schema(request=None, public=True), renderer_context={})
        )


def operations(schema) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def nodes(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield where, node
        for name, inner in node.items():
            yield from nodes(inner, f"{where}/{name}")
    elif isinstance(node, list):
        for position, inner in enumerate(node):
            yield from nodes(inner, f"{where}/{position}")


def test_it_is_valid_and_made_without_a_warning(schema):
    GENERATOR_STATS.reset()
    with translation.override("en"):
        validate_schema(SchemaGenerator().get_schema(request=None, public=True))
    assert not GENERATOR_STATS, (GENERATOR_STATS._error_cache, GENERATOR_STATS._warn_cache)
    assert schema["openapi"].startswith("3.1")


def test_the_committed_document_is_the_one_that_is_served(schema):
    assert yaml.safe_load(COMMITTED.read_text()) == schema, (
        "The API changed: run `python manage.py spectacular --file docs/openapi.yaml` and commit it."
    )


def test_no_object_is_untyped(schema):
    untyped = [
        where
        for where, node in nodes(schema)
        if node.get("type") == "object"
        and "properties" not in node
        and not isinstance(node.get("additionalProperties"), dict)
    ]
    assert untyped == []


def test_no_schema_is_empty(schema):
    empty = [where for where, node in nodes(schema) for name in ("schema", "items") if node.get(name) == {}]
    properties = [
        f"{where}/{name}"
        for where, node in nodes(schema["components"]["schemas"])
        if where.endswith("/properties")
        for name, inner in node.items()
        if inner == {} or set(inner) <= {"readOnly", "description", "title"}
    ]
    assert empty + properties == []


def test_what_is_sent_has_bounds(schema):
    """A number or text without a bound meets one in the database, as an error of ours."""
    unbounded = []
    for name, component in schema["components"]["schemas"].items():
        if not name.endswith("Request"):
            continue
        for where, node in nodes(component, name):
            kinds = node.get("type") if isinstance(node.get("type"), list) else [node.get("type")]
            if "integer" in kinds and not {"minimum", "maximum"} <= node.keys() and "enum" not in node:
                unbounded.append(where)
            known = {"format", "enum", "maxLength", "pattern"} & node.keys()
            if "string" in kinds and not known:
                unbounded.append(where)
            if "array" in kinds and "maxItems" not in node and "enum" not in node.get("items", {}):
                unbounded.append(where)
    assert unbounded == []


def test_every_operation_says_how_it_refuses(schema):
    for path, method, operation in operations(schema):
        assert {"400", "401", "403", "404", "414", "422", "429", "500"} <= operation["responses"].keys(), (path, method)
        assert any(status.startswith("2") for status in operation["responses"]), (path, method)
    for response in schema["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


def test_what_acts_takes_an_idempotency_key_and_what_changes_a_row_takes_if_match(schema):
    only_ask = {"/api/v1/customers/lookup/", "/api/v1/search/"}
    for path, method, operation in operations(schema):
        headers = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        if method == "post":
            assert ("Idempotency-Key" in headers) == (path not in only_ask), path
        if method == "patch":
            assert "If-Match" in headers, path


def test_every_operation_is_guarded(schema):
    for path, method, operation in operations(schema):
        assert operation["security"] == [{"key": []}, {"session": []}], (path, method)


def test_it_is_served_with_its_pages_and_without_a_third_party(db):
    served = Client().get("/api/schema/")
    assert (served.status_code, yaml.safe_load(served.content)["openapi"][:3]) == (200, "3.1")
    page = Client().get("/api/docs/").content.decode()
    assert "swagger-ui" in page
    assert "//cdn" not in page
    assert "https://" not in page
