"""Was it a machine that wrote? A machine is never answered automatically: two would go on for ever."""

import re

from tickets.channels.mail.headers import Address, Headers

_DAEMON = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon|mdaemon)@|bounces?[+-].*@", re.IGNORECASE)
_NOBODY = re.compile(r"(?:no-?_?reply|do-?not-?reply|nobody|notifications?|mailer)(?:[+.-][^@]*)?@", re.IGNORECASE)
_AUTO_REPLY_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from", "x-mail-autoreply")
# Whole openings that absence programs write. A person's answer to one begins with Re:.
_AUTO_REPLY_SUBJECT = re.compile(
    r"(?:automatic reply|auto[- ]?reply|auto[- ]?response|out of (?:the )?office|autosvar|automatische antwort|"
    r"réponse automatique|respuesta automática|自动回复|自动答复|自動回覆|自動回复|自動答覆|自動回信|"
    r"自動返信|休假自动回复|不在办公室)\s*(?:[:：]|$|-)",
    re.IGNORECASE,
)


def machine_reason(headers: Headers, sender: Address | None) -> str:
    """A code, or "" for a person: auto_submitted, precedence, list, null_sender, daemon, suppressed, no_reply."""
    if headers.word("auto-submitted") not in ("", "no"):
        return "auto_submitted"
    if headers.word("precedence") in ("bulk", "list", "junk", "auto_reply"):
        return "precedence"
    if "list-id" in headers or "list-unsubscribe" in headers:
        return "list"
    if "return-path" in headers and headers.get("return-path").replace(b" ", b"") in (b"<>", b""):
        return "null_sender"
    if sender and _DAEMON.match(sender.email):
        return "daemon"
    if any(field in headers for field in _AUTO_REPLY_FIELDS):
        return "auto_submitted"
    if headers.word("x-auto-response-suppress") not in ("", "none"):
        return "suppressed"
    if sender and is_nobody(sender):
        return "no_reply"
    return ""


def is_nobody(address: Address) -> bool:
    """An address that says of itself that nobody reads what is sent there."""
    return bool(_NOBODY.match(address.email))


def is_auto_reply(headers: Headers, subject: str) -> bool:
    """An absence notice or the like: it answers our mail, but its writer has not read it."""
    if headers.word("auto-submitted") == "auto-replied" or any(field in headers for field in _AUTO_REPLY_FIELDS):
        return True
    return bool(_AUTO_REPLY_SUBJECT.match(subject))


def spam_flags(headers: Headers) -> tuple[str, ...]:
    """What the receiving server thought of it: "spam" by a filter's verdict, "forged" when DMARC failed."""
    flags = []
    marked = headers.word("x-spam-flag") == "yes" or headers.word("x-spam-status") == "yes"
    if marked or headers.word("x-spam") == "yes":
        flags.append("spam")
    # Only failures are heeded: a sender could write itself a pass, never profit from a fail.
    if any(
        re.search(rb"\bdmarc\s*=\s*fail\b", value, re.IGNORECASE) for value in headers.all("authentication-results")
    ):
        flags.append("forged")
    return tuple(flags)
