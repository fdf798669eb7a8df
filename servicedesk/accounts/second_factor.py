"""Who must sign in with a second factor, and whether they have one."""

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from servicedesk.models import User

BOUND_ROLES = frozenset({User.Role.MANAGER, User.Role.ADMIN})
SESSION_FLAG = "second_factor_seen"


def needs_second_factor(user: User) -> bool:
    """Managers and administrators do; demonstration accounts are for looking around."""
    return user.role in BOUND_ROLES and not user.is_demo


def has_second_factor(request: HttpRequest, user: User) -> bool:
    """Asked of the database until it says yes, then remembered by the session: leaders cannot take the factor off."""
    if request.session.get(SESSION_FLAG) == str(user.pk):
        return True
    found: bool = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    if found:
        request.session[SESSION_FLAG] = str(user.pk)
    return found
