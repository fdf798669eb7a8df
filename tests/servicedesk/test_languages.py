"""Languages as other systems write them."""

import pytest

from servicedesk.languages import desk_language, ways_to_say


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
