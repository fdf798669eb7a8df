"""Search tokens: what is found under what, and what the tokens give away."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.tokens import fold, phrase_matches, phrases, query_tokens, tokens_of
from servicedesk.keyring import new_ring, write_ring
from tests.patience import slowness


def found(text: str, query: str) -> bool:
    tokens = tokens_of(text)
    wanted = query_tokens(query)
    return bool(wanted) and all(token in tokens for group in wanted for token in group)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我要退款，谢谢", "退款"),
        ("我要退款，谢谢", "退"),
        ("我要退款，谢谢", "要退款"),
        ("我要退款，谢谢", "退款 谢谢"),
        ("Where is my PARCEL?", "parcel"),
        ("Straße", "STRASSE"),
        ("ＡＢＣ１２３", "abc123"),
        ("iPhone15手机壳", "手机壳 iphone15"),
        ("write to wang.li@example.com", "wang.li@example.com"),
        ("Order A-1029-33", "a-1029-33"),
        ("1e5", "1e5"),
        ("單號𠮷𡈽", "𠮷"),
        ("單號𠮷𡈽", "𠮷𡈽"),
        ("返品したい", "返品"),
        ("환불해 주세요", "환불"),
    ],
)
def test_a_text_is_found_by_its_words_pairs_and_characters(text, query):
    assert found(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我要退款", "款退"),
        ("我要退货", "退款"),
        ("parcels", "parcel"),
        ("退 款", "退款"),
        ("anything", ""),
        ("anything", " ?! "),
    ],
)
def test_a_text_is_not_found_by_what_it_does_not_say(text, query):
    assert not found(text, query)


def test_a_single_character_is_one_token_and_a_run_its_pairs():
    assert [len(group) for group in query_tokens("退 退款 要退款 word")] == [1, 1, 2, 1]


def test_a_query_of_pairs_asks_for_no_single_characters():
    [group] = query_tokens("要退款")
    assert not set(group) & {token for ch in "要退款" for [token] in query_tokens(ch)}


@given(st.text(max_size=80))
def test_tokens_are_twelve_letters_and_nothing_else(text):
    for token in tokens_of(text):
        assert len(token) == 12
        assert token.isascii()
        assert token.isalpha()
        assert token.islower()


@given(st.text(min_size=1, max_size=40))
def test_every_text_that_has_words_is_found_by_itself(text):
    if query_tokens(text):
        assert found(text, text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_text_is_found_whatever_stands_around_it(text, more):
    for group in query_tokens(f"{text}"):
        assert set(group) <= tokens_of(f"{text} {more}")


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


def test_tokens_depend_on_the_key_of_the_ring(settings, tmp_path):
    before = tokens_of("退款 refund")
    settings.MASTER_KEY_FILE = tmp_path / "another.json"
    write_ring(settings.MASTER_KEY_FILE, new_ring())
    assert not before & tokens_of("退款 refund")
    assert tokens_of("退款 refund") == tokens_of("退款 refund")


@pytest.mark.parametrize(
    ("text", "query", "matches"),
    [
        ("please refund me now", '"refund me"', True),
        ("me, refund", '"refund me"', False),
        ("我要退款", "“要退”", True),
        ("我要 退款", "「要退」", False),
        ("PLEASE  Refund", '"please refund"', True),
        ("anything", "no phrase at all", True),
        ("one two", '"one" "three"', False),
    ],
)
def test_a_phrase_is_checked_after_decryption(text, query, matches):
    assert phrase_matches(text, query) is matches


def test_phrases_are_what_stands_between_quotation_marks():
    assert phrases('a “b C” 「退 款」 "" "x') == ["b c", "退 款"]


def test_five_hundred_characters_cost_about_a_millisecond():
    text = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(500))
    tokens_of(text)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        tokens_of(text)
        times.append(time.perf_counter() - start)
    # A generous bound; measured alone it is 0.7 ms.
    assert min(times) < 0.005 * slowness()
