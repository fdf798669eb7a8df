"""Times as events and answers write them."""

from datetime import UTC, datetime


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the microsecond where there is one."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat().removesuffix("+00:00") + "Z"
