"""What managers should know of calendars before deadlines are reckoned without it."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from clocks.country_days import years_not_announced
from clocks.models import Calendar, CountryDay
from servicedesk.clock import now


def years_missing(country: str) -> list[int]:
    """The years of which neither the library nor the override table knows this country's make-up workdays."""
    if not country:
        return []
    own = CountryDay.objects.filter(country=country, is_working=True).values_list("on", flat=True)
    return list(years_not_announced(country, now().date(), {on.year for on in own}))


def days_not_announced() -> Iterator[str]:
    """A sentence for each country that a calendar follows and that has yet to name its days."""
    countries = Calendar.objects.exclude(country="").order_by("country").values_list("country", flat=True).distinct()
    for country in countries:
        if years := years_missing(country):
            yield _(
                "The public holidays and make-up workdays of %(country)s for %(years)s are not complete yet: deadlines "
                "there may move. Once they are announced, update the desk, or have an administrator enter them."
            ) % {"country": country, "years": ", ".join(map(str, years))}
