"""`manage.py receive_email < file`: the door for a mail server on the same machine, such as Postfix's pipe."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand

from servicedesk.actor import SYSTEM
from servicedesk.errors import DomainError
from servicedesk.failures import describe
from tickets.channels.mail.receive import receive_mail
from tickets.doors import shop_named

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Take in one raw mail from standard input. Exit status 0: accepted or ignored; 65: refused for good (larger "
        "than 35 MB, unknown shop); 75: not now, the mail server keeps the mail and tries again."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shop", default="", help="the shop's code; by default the one the mail is addressed to")

    def handle(self, *args: Any, **options: Any) -> None:
        raw = sys.stdin.buffer.read(settings.MAIL_MAX_BYTES + 1)
        try:
            shop = shop_named(options["shop"], by=SYSTEM) if options["shop"] else None
            outcome = receive_mail(raw, by=SYSTEM, shop=shop)
        except DomainError as refusal:
            self.stderr.write(str(refusal))
            sys.exit(os.EX_DATAERR)
        except Exception as error:  # whatever it is, the mail isn't lost: the server still has it
            log.exception("mail.not_received", error=describe(error))
            self.stderr.write(f"The mail was not taken in ({type(error).__name__}); try again later.")
            sys.exit(os.EX_TEMPFAIL)
        number = outcome.ticket.number if outcome.ticket else ""
        self.stdout.write(" ".join(word for word in (outcome.outcome, outcome.reason, number) if word))
