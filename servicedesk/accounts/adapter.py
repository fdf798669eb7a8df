"""allauth, as this desk wants it: staff only, by invitation, with a second factor that leaders can't take off."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from servicedesk.accounts.mails import send_password_reset
from servicedesk.accounts.sealing import opened, sealed
from servicedesk.accounts.second_factor import needs_second_factor
from servicedesk.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped library
    """Accounts are made by administrators; nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """By the queue, like every mail: a server that is away makes no error page, and tells nobody who is known."""
        send_password_reset(user)

    def format_email_subject(self, subject: str) -> str:
        return subject


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # untyped library
    """Keeps the factor of those who must have one, and everybody's seeds sealed."""

    def encrypt(self, text: str) -> str:
        return sealed(text)

    def decrypt(self, encrypted_text: str) -> str:
        return opened(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not needs_second_factor(authenticator.user)
