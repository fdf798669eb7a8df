"""One person's contact, however it is written, has one form and one digest."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.index import (
    digest_email,
    digest_phone,
    has_extension,
    normalise_email,
    normalise_name,
    normalise_phone,
)
from servicedesk.errors import Invalid


@pytest.mark.parametrize(
    "written",
    [
        "+86 138-0013-8000",
        "13800138000",
        "１３８００１３８０００",
        "0086 138 0013 8000",
        "86-13800138000",
        "(138) 0013 8000",
        " +8613800138000 ",
        "＋８６ １３８００１３８０００",
        "tel:+86-138-0013-8000",
    ],
)
def test_a_phone_number_has_one_form_however_it_is_written(written):
    assert normalise_phone(written) == "+8613800138000"
    assert digest_phone(written) == digest_phone("13800138000")


@pytest.mark.parametrize(
    ("written", "region", "normal"),
    [
        ("0912 345 678", "TW", "+886912345678"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("+1 415 555 2671", "CN", "+14155552671"),
        ("010-8888 8888", "CN", "+861088888888"),
        ("18412345678转1234", "CN", "+8618412345678;ext=1234"),
        ("18412345678 分机: 56", "CN", "+8618412345678;ext=56"),
    ],
)
def test_a_number_without_country_code_is_taken_for_the_shops_region(written, region, normal):
    assert normalise_phone(written, region) == normal


def test_a_virtual_number_is_known_by_its_extension():
    assert has_extension(normalise_phone("18412345678转1234"))
    assert not has_extension(normalise_phone("18412345678"))


@pytest.mark.parametrize("written", ["", "abc", "123", "1" * 40, "wang@example.com", "+", "١"])
def test_what_cannot_be_a_phone_number_is_refused(written):
    with pytest.raises(Invalid) as refused:
        normalise_phone(written)
    assert [error.field for error in refused.value.errors] == ["phone"]


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Wang.Li@Example.COM ", "wang.li@example.com"),
        ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
        ("wang@example。com", "wang@example.com"),
        ("wang@例子.公司", "wang@xn--fsqu00a.xn--55qx5d"),
        ("wang@XN--FSQU00A.xn--55qx5d", "wang@xn--fsqu00a.xn--55qx5d"),
        ("wang+tea@example.com", "wang+tea@example.com"),
        ("王@example.com", "王@example.com"),
        ("wang@example.com.", "wang@example.com"),
    ],
)
def test_an_email_address_has_one_form_however_it_is_written(written, normal):
    assert normalise_email(written) == normal
    assert digest_email(written) == digest_email(normal)


@pytest.mark.parametrize(
    "written",
    ["", "wang", "wang@", "@example.com", "wang@localhost", "a b@example.com", "a@b@example.com", "a@-x.com",
     "a\n@example.com", ".a@example.com", f"{'a' * 65}@example.com", "a@exam_ple.com"],
)  # fmt: skip
def test_what_is_no_email_address_is_refused(written):
    with pytest.raises(Invalid) as refused:
        normalise_email(written)
    assert [error.field for error in refused.value.errors] == ["email"]


@given(st.text(max_size=60))
def test_any_text_is_normalised_or_refused_and_never_breaks(text):
    for normalise in (normalise_email, normalise_phone):
        try:
            normal = normalise(text)
        except Invalid:
            continue
        assert normalise(normal) == normal


def is_a_mobile_number(number: int) -> bool:
    """Nobody has 179…: it chooses a carrier for calls by IP, and is taken away as what is dialled before a number."""
    return not str(number).startswith("179")


@given(
    st.integers(min_value=13_000_000_000, max_value=19_999_999_999).filter(is_a_mobile_number),
    st.sampled_from(["", "+86", "0086 ", "86-"]),
)
def test_separators_width_and_country_code_do_not_matter(number, prefix):
    text = str(number)
    spaced = f"{prefix}{text[:3]}-{text[3:7]} {text[7:]}"
    wide = spaced.translate({ord(ch): ord(ch) + 0xFEE0 for ch in "0123456789+"})
    assert digest_phone(spaced) == digest_phone(wide) == digest_phone(text)


def test_the_same_text_has_another_digest_in_each_field():
    from servicedesk.keyring import ring

    assert ring().digest("email", b"x") != ring().digest("phone", b"x")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("  王 \n小明 ", "王 小明"),
        ("王\u200b小\u202e明", "王小明"),
        ("Wang\tLi", "Wang Li"),
        ("e\u0301", "é"),
        ("\x00", ""),
        ("长" * 300, "长" * 200),
    ],
)
def test_a_name_is_one_visible_line(written, normal):
    assert normalise_name(written) == normal


@given(st.text(max_size=250))
def test_names_are_stable_and_printable(text):
    normal = normalise_name(text)
    assert normalise_name(normal) == normal
    assert not any(unicodedata.category(ch) in {"Cc", "Cf"} for ch in normal)
