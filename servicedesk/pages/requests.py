"""Requests as views get them, for the type checker: what the middleware has put on them by then."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from servicedesk.actor import Actor
from servicedesk.models import User


class StaffRequest(HttpRequest):
    """Of somebody signed in (`login_required` saw to that)."""

    actor: Actor
    htmx: HtmxDetails
    user: User
    owes_second_factor: bool
