"""The one mail of signing in: a new password, for who has forgotten theirs."""

from datetime import timedelta
from typing import Final

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.mail.letters import Letter, compose
from servicedesk.mail.outgoing import Recipient, mail_template, send_later
from servicedesk.models import OutgoingMail, User

TEMPLATE: Final = "account.password_reset"
# Where no mail server was set at the time, it must not leave days later.
WORTH_SENDING_FOR: Final = timedelta(hours=1)


def send_password_reset(user: User) -> None:
    """Queue the mail; the link is made as it leaves, and stands in no table."""
    send_later(TEMPLATE, Recipient("staff", user.pk), key=f"password-reset:{new_id()}")


@mail_template(TEMPLATE)
def write_password_reset(mail: OutgoingMail) -> EmailMessage | None:
    """A link that opens once, for some days."""
    user = User.objects.filter(pk=mail.recipient_id, is_active=True).first()
    if user is None or now() - mail.created_at > WORTH_SENDING_FOR:
        return None
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    link = f"{settings.SITE_URL}{reverse('account_reset_password_from_key', kwargs=key)}"
    with override(user.language or settings.LANGUAGE_CODE):
        text = render_to_string("mail/password_reset.txt", {"link": link})
        letter = Letter(to=user.email, subject=_("A new password"), text=text.strip(), automatic="auto-generated")
        return compose(mail, letter)
