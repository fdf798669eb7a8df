"""What is shown before anybody gave a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.masking import mask_email, mask_name, mask_phone


@pytest.mark.parametrize(
    ("name", "masked"),
    [("王小明", "王*"), ("Wang Li", "W***"), ("", ""), ("  ", ""), ("Ж", "Ж***"), ("김민수", "김*"), (" 李 ", "李*")],
)
def test_a_masked_name_keeps_the_first_character(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("+8613812345678", "138****5678"),
        ("13812345678", "138****5678"),
        ("+14155552671", "+1 415****2671"),
        ("+886912345678", "+886 912****5678"),
        ("+8618412345678;ext=1234", "184****5678"),
        ("+6881234", "+688 1****34"),
        ("nonsense", "****"),
        ("", ""),
    ],
)
def test_a_masked_phone_number_hides_the_middle(phone, masked):
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("email", "masked"),
    [("wang@example.com", "w***@example.com"), ("w@example.com", "w***@example.com"), ("nonsense", "****"), ("", "")],
)
def test_a_masked_email_address_keeps_the_first_character_and_the_domain(email, masked):
    assert mask_email(email) == masked


@given(st.text(min_size=1, max_size=40))
def test_a_mask_never_shows_more_than_the_first_character_of_a_name(name):
    assert len(mask_name(name).rstrip("*")) <= 1
