"""System checks with hints: what the settings alone can tell is wrong."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from servicedesk import reports

# What an operator asked for and will not get: said at each start, by `run` and `upgrade`.
PROMISES: Final = "promises"


@register(Tags.security, deploy=True)
def check_master_key_is_apart(**_: Any) -> list[CheckMessage]:
    """The master key belongs in neither database nor backup: warn where it lies among the data in production."""
    if settings.EMBEDDED or not settings.MASTER_KEY_FILE.is_relative_to(settings.DATA_DIR):
        return []
    return [
        Warning(
            "The ring of master keys lies inside DATA_DIR, where a copy of the data would take it along.",
            hint="Set MASTER_KEY_FILE to a path on another volume.",
            id="servicedesk.W001",
        )
    ]


@register(Tags.security)
def check_ring_is_private(**_: Any) -> list[CheckMessage]:
    """We write the ring with mode 600; a copy put back from elsewhere may be open to others."""
    path = settings.MASTER_KEY_FILE
    if not path.exists() or not path.stat().st_mode & 0o077:
        return []
    return [
        Warning(
            f"The ring of master keys, {path}, can be read by other users of this machine.",
            hint=f"chmod 600 {path}",
            id="servicedesk.W002",
        )
    ]


@register(PROMISES)
def check_errors_can_be_reported(**_: Any) -> list[CheckMessage]:
    """An address for error reports without the library that sends them would be a promise not kept."""
    if not settings.SENTRY_DSN or reports.is_installed():
        return []
    return [
        Warning(
            "SENTRY_DSN is set, but sentry-sdk is not installed: no error is reported.",
            hint="Install what production runs on (pip install --require-hashes -r requirements-production.txt).",
            id="servicedesk.W003",
        )
    ]


@register(PROMISES)
def check_no_mailbox_is_waited_for(**_: Any) -> list[CheckMessage]:
    """The variable is known so that it can be set ahead; who sets it would wait for mail that nobody fetches."""
    if not settings.IMAP_URL:
        return []
    return [
        Warning(
            "IMAP_URL is set, but no mailbox is polled yet: mail in it becomes no ticket.",
            hint="Pipe each mail into `manage.py receive_email`, or POST it to /api/v1/inbound/email/ (docs/mail.md).",
            id="servicedesk.W004",
        )
    ]
