"""Errors are problems, name fields and codes, and never repeat a value."""

import json

import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError
from django.test import Client, RequestFactory, override_settings
from rest_framework.exceptions import ErrorDetail, ValidationError

from servicedesk.errors import Conflict, Invalid, Stale, TooMany
from servicedesk.rest import problems

SECRET = "wang@example.com"


def check(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert body["status"] == status
    assert body["code"] == code
    assert set(body) >= {"type", "title", "status", "detail", "code"}
    return body


def test_a_request_without_a_key_is_asked_for_one(db):
    answer = Client().get("/api/v1/webhooks/")
    check(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_unknown_key_is_told_so_without_being_repeated(db):
    answer = Client().get("/api/v1/webhooks/", headers={"Authorization": "Bearer sd_nobody_knows"})
    check(answer, 401, "key_unknown")
    assert b"nobody" not in answer.content


def test_an_address_that_does_not_exist_is_a_problem_whatever_the_method(db):
    check(Client().get("/api/v1/nothing/"), 404, "not_found")
    check(Client().post("/api/nothing"), 404, "not_found")


def test_a_row_that_does_not_exist_is_not_found(api):
    check(api.get("/api/v1/webhooks/01890a5d-ac96-774b-bcce-b302099a8057/"), 404, "not_found")
    check(api.get("/api/v1/webhooks/----------------01890a5dac96774b----/"), 404, "not_found")


def test_a_method_that_is_not_there_names_those_that_are(api):
    answer = api.put("/api/v1/webhooks/", {}, content_type="application/json")
    check(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]


def test_a_body_that_is_not_json_is_malformed(api):
    for body in ("{", '{"a": NaN}', '{"a": 1e999}', '{"a": 99999999999999999999}', "[" * 100_000, b"\xff\xfe"):
        check(api.post("/api/v1/webhooks/", body, content_type="application/json"), 400, "malformed")


def test_another_content_type_is_not_taken(api):
    check(api.post("/api/v1/webhooks/", "<a/>", content_type="text/xml"), 415, "unsupported_media_type")


def test_an_answer_that_is_not_wanted_as_json_is_not_acceptable(api):
    check(api.get("/api/v1/webhooks/", headers={"Accept": "text/csv"}), 406, "not_acceptable")


def test_a_body_above_a_megabyte_is_too_large(api):
    body = json.dumps({"url": "x" * 1_100_000})
    check(api.post("/api/v1/webhooks/", body, content_type="application/json"), 413, "too_large")


def test_an_address_above_the_bound_is_too_long_before_anything_else_is_looked_at(db, settings):
    room = settings.ADDRESS_MAX_BYTES - len("/api/v1/webhooks/?q=")
    assert Client().get("/api/v1/webhooks/?q=" + "x" * room).status_code == 401
    check(Client().get("/api/v1/webhooks/?q=" + "x" * (room + 1)), 414, "address_too_long")
    check(Client().get("/api/v1/webhooks/?q=" + "退" * (room // 9 + 1)), 414, "address_too_long")
    check(Client().get("/api/v1/" + "x" * settings.ADDRESS_MAX_BYTES), 414, "address_too_long")


def test_a_page_whose_address_is_too_long_says_so_in_words(db):
    page = Client().get("/desk/?q=" + "x" * 5_000, headers={"Accept-Language": "zh-Hant"})
    assert page.status_code == 414
    assert "網址太長" in page.content.decode()


def test_an_unknown_field_is_named(post):
    body = check(post("/api/v1/webhooks/", {"url": "https://e.com", "kinds": ["*"], "kidns": 1}), 422, "invalid")
    assert [(e["field"], e["code"]) for e in body["errors"]] == [("kidns", "unknown_field")]


def test_missing_fields_are_named(post):
    body = check(post("/api/v1/webhooks/", {}), 422, "invalid")
    assert {e["field"] for e in body["errors"]} == {"url", "kinds"}


def test_an_unknown_query_parameter_is_named(api):
    body = check(api.get("/api/v1/webhooks/?staus=open"), 422, "invalid")
    assert body["errors"][0]["field"] == "staus"


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\udfff"])
def test_text_that_no_database_can_keep_is_refused(api, text):
    raw = f'{{"url": "{text}", "kinds": ["*"]}}'
    body = check(api.post("/api/v1/webhooks/", raw, content_type="application/json"), 422, "invalid")
    assert body["errors"][0] == {**body["errors"][0], "field": "url", "code": "unstorable_text"}
    raw = f'{{"{text}": 1}}'
    check(api.post("/api/v1/webhooks/", raw, content_type="application/json"), 422, "invalid")


def test_a_nul_character_in_the_address_does_no_harm(api):
    assert api.get("/api/v1/events/?kind=%00").status_code == 422
    assert api.get("/api/v1/webhooks/%00/").status_code == 404


def test_what_was_sent_is_never_repeated():
    told = ValidationError(
        {
            "status": [ErrorDetail(f'"{SECRET}" is not a valid choice.', "invalid_choice")],
            "items": [{}, {"email": [ErrorDetail(f"{SECRET} unknown", "does_not_exist")]}],
        }
    )
    body = problems.describe(told)
    assert [e["field"] for e in body["errors"]] == ["status", "items.1.email"]
    assert SECRET not in json.dumps(body)
    told = DjangoValidationError({"email": DjangoValidationError("“%(value)s” no", "x", {"value": SECRET})})
    assert SECRET not in json.dumps(problems.describe(told))


def test_refusals_of_actions_carry_their_status_and_code():
    assert problems.describe(Conflict("busy", code="busy"))["status"] == 409
    assert problems.describe(Stale())["code"] == "stale"
    body = problems.describe(Invalid.field("email", "taken", "It is taken."))
    assert (body["status"], body["errors"]) == (
        422,
        [{"field": "email", "code": "taken", "detail": "It is taken."}],
    )
    answer = problems.answer_exception(TooMany(retry_after=7), {})
    assert answer.headers["Retry-After"] == "7"


def test_a_database_that_is_away_is_a_503_to_come_back_to():
    answer = problems.answer_exception(OperationalError("server closed"), {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_outside_of_rest_framework_it_is_a_problem_under_api_and_a_page_elsewhere():
    request = RequestFactory().get("/api/v1/x/")
    check(problems.server_error(request), 500, "internal")
    check(problems.page_not_found(request, Exception()), 404, "not_found")
    check(problems.bad_request(request, Exception()), 400, "malformed")
    check(problems.forbidden(request, Exception()), 403, "not_allowed")
    check(problems.csrf_failure(request), 403, "csrf")


@override_settings(DEBUG=False)
def test_a_failure_of_ours_tells_nothing_of_itself(api, monkeypatch):
    monkeypatch.setattr("servicedesk.webhooks.api.register_endpoint", lambda **_: 1 / 0)
    api.raise_request_exception = False
    answer = api.post("/api/v1/webhooks/", {"url": "https://e.com", "kinds": ["*"]}, content_type="application/json")
    check(answer, 500, "internal")
    assert b"division" not in answer.content
