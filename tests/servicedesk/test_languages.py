"""Languages as other systems write them."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from servicedesk.languages import desk_language, own_codes, ways_to_say
from tests.make import Make
from tickets.models import SlaPolicy


@pytest.mark.parametrize(
    ("language", "ways"),
    [
        ("zh-Hans-CN", ("zh-hans-cn", "zh-hans", "zh")),
        ("zh-CN", ("zh-cn", "zh-hans", "zh")),
        ("zh_TW", ("zh-tw", "zh-hant", "zh")),
        ("zh-HK", ("zh-hk", "zh-hant", "zh")),
        ("zh", ("zh", "zh-hans")),
        ("en-GB", ("en-gb", "en")),
        ("de", ("de",)),
        ("", ()),
        ("-", ()),
    ],
)
def test_a_language_answers_to_its_beginnings_and_to_the_desks_own_code(language: str, ways: tuple[str, ...]) -> None:
    assert ways_to_say(language) == ways


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [(("zh-TW", "en"), "zh-hant"), (("de", "zh-CN"), "zh-hans"), (("", "en-US"), "en"), (("x" * 600, "en"), "en")],
)
def test_the_first_language_that_the_desk_writes_is_chosen(wanted: tuple[str, ...], chosen: str) -> None:
    assert desk_language(*wanted) == chosen


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("zh-CN", "zh-hans"),
        ("zh_TW", "zh-hant"),
        ("zh-Hans", "zh-hans"),
        ("en-GB", "en"),
        ("zh", "zh"),
        ("de-AT", "de-at"),
        ("", ""),
        (["zh-CN", "zh-hans", "EN"], ["zh-hans", "en"]),
        ({"zh-CN": 1}, {"zh-CN": 1}),
    ],
)
def test_what_others_write_is_kept_in_the_desks_own_codes(written: Any, meant: Any) -> None:
    assert own_codes(written) == meant


@pytest.mark.django_db
def test_what_was_stored_before_is_written_in_the_desks_own_codes(make: Make) -> None:
    person = make.user(speaks=["zh-CN", "en-GB"])
    policy = SlaPolicy.objects.create(name="Chinese", conditions={"language": ["zh-CN"], "kind": "return"})
    plain = SlaPolicy.objects.create(name="Returns", conditions={"kind": "return"})
    for module in ("servicedesk.migrations.0003_languages_spoken", "tickets.migrations.0006_languages_of_policies"):
        import_module(module).write_own_codes(apps, None)
    for row in (person, policy):
        row.refresh_from_db()
    assert person.speaks == ["zh-hans", "en"]
    assert policy.conditions == {"language": ["zh-hans"], "kind": "return"}
    assert SlaPolicy.objects.get(pk=plain.pk).version == plain.version
