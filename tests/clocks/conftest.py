"""Subjects that are nothing but subjects, and a clock face that can be moved."""

import pytest
import time_machine

from clocks.subjects import SUBJECTS, register
from tests.clocks.probes import MONDAY, Face, House, Probe


@pytest.fixture(autouse=True)
def house():
    house = House()
    register(
        "probe",
        lock=lambda ids: set(ids) - house.busy,
        duty=lambda ids: {one: house.duty[one] for one in ids if one in house.duty},
        postpone=lambda ids: {one: house.held[one] for one in ids if one in house.held},
    )
    yield house
    del SUBJECTS["probe"]


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def clock_face():
    """The machine's time, standing still until it is moved."""
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield Face(traveller)
