"""The clocks' tables, one file per noun."""

from clocks.models.calendars import Calendar, CalendarVersion, CountryDay
from clocks.models.clocks import Clock
from clocks.models.jobs import RecomputeJob

__all__ = ["Calendar", "CalendarVersion", "Clock", "CountryDay", "RecomputeJob"]
