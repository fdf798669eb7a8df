"""Weekly hours as people and programs write them: read, checked, and written again. Pure."""

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Final

from django.utils.translation import gettext_lazy as _

from servicedesk.errors import type_text

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECONDS_A_DAY: Final = 24 * 60 * 60

# For each weekday, Monday first, its intervals in seconds since local midnight.
Week = tuple[tuple[tuple[int, int], ...], ...]


class HoursError(ValueError):
    """Weekly hours that cannot be read. `path` says where ("hours.mon.0"), `code` what is wrong."""

    def __init__(self, path: str, code: str, detail: type_text) -> None:
        super().__init__(f"{path}: {code}")
        self.path, self.code, self.detail = path, code, detail


def parse_week(hours: Mapping[str, Sequence[Sequence[str]]]) -> Week:
    """Weekly hours from {"mon": [["09:00", "12:00"], ["13:00", "24:00"]], …}. Raises HoursError.

    Days left out are closed. Intervals are put in order; those that touch are joined, those that overlap refused.
    """
    for key in hours:
        if key not in WEEKDAYS:
            raise HoursError("hours", "unknown_day", _("The days are mon, tue, wed, thu, fri, sat and sun."))
    return tuple(_parse_day(day, hours.get(day, ())) for day in WEEKDAYS)


def format_week(week: Week) -> dict[str, list[list[str]]]:
    """The inverse of `parse_week`; days without hours are left out."""
    return {
        day: [[_format_time(opens), _format_time(closes)] for opens, closes in hours]
        for day, hours in zip(WEEKDAYS, week, strict=True)
        if hours
    }


def _format_time(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, odd = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{odd:02}" if odd else "")


def _parse_day(day: str, given: Sequence[Sequence[str]]) -> tuple[tuple[int, int], ...]:
    if not _is_list(given):
        raise HoursError(f"hours.{day}", "not_a_list", _("This must be a list of [from, to]."))
    parsed = sorted(_parse_interval(f"hours.{day}.{place}", pair) for place, pair in enumerate(given))
    joined: list[tuple[int, int]] = []
    for opens, closes in parsed:
        if joined and opens < joined[-1][1]:
            raise HoursError(f"hours.{day}", "overlap", _("Intervals overlap."))
        if joined and opens == joined[-1][1]:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _parse_interval(path: str, pair: Sequence[str]) -> tuple[int, int]:
    if not _is_list(pair) or len(pair) != 2:
        raise HoursError(path, "not_a_pair", _("This must be [from, to]."))
    opens, closes = (_parse_time(path, moment) for moment in pair)
    if opens >= closes:
        raise HoursError(path, "ends_before_start", _("It must end after it begins; at midnight split it in two."))
    return opens, closes


def _is_list(value: object) -> bool:
    """JSON says what it likes: a string is a sequence too."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def _parse_time(path: str, text: object) -> int:
    if text in ("24:00", "24:00:00"):
        return SECONDS_A_DAY
    try:
        if not isinstance(text, str) or len(text) not in (5, 8) or text[2] != ":":
            raise ValueError(text)
        parsed = time.fromisoformat(text)
    except ValueError:
        raise HoursError(path, "not_a_time", _("This must be a time of day such as 09:00.")) from None
    return parsed.hour * 3600 + parsed.minute * 60 + parsed.second
