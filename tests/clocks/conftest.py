"""Subjects that are nothing but subjects, and a clock face that can be moved."""

import pytest
import time_machine
from hypothesis import settings

from clocks.subjects import SUBJECTS, register
from tests.clocks.probes import MONDAY, Face, House, Probe

# How long an example takes says more about the machine's other work than about ours.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


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
