"""Delivery reports: which of our mails didn't arrive, and why. By RFC 3464, else by evidence."""

import re
from dataclasses import dataclass

from tickets.channels.mail.headers import Headers, message_ids
from tickets.channels.mail.mime import Part

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"\b([45]\d\d)[ -]")
_SUBJECT = re.compile(
    r"undeliver|delivery (?:status|failure|has failed)|mail delivery|returned mail|failure notice|退信|"
    r"投递失败|投遞失敗|无法投递|無法傳遞|无法送达|無法送達|未送达",
    re.IGNORECASE,
)
_SENDER = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon|mdaemon)@", re.IGNORECASE)
_ANY_ID = re.compile(rb"<[^<>\s@]{3,300}@[^<>\s@]{1,200}>")


@dataclass(frozen=True, slots=True)
class Bounce:
    is_final: bool  # False: the other side is still trying
    status: str  # enhanced status or reply code, such as "5.1.1"; "" unknown
    message_ids: tuple[str, ...]  # candidates for the mail that bounced, without brackets


def read_bounce(root: Part, subject: str, sender: str) -> Bounce | None:
    report = next((part for part in root.walk() if part.content_type == "message/delivery-status"), None)
    is_report = root.headers.param("content-type", "report-type")[1].lower() == "delivery-status"
    if report is None and not is_report and not (_SENDER.match(sender) and _SUBJECT.search(subject)):
        return None
    if report is None:
        text = "\n".join(part.text()[:20_000] for part in root.walk() if part.content_type.startswith("text/"))
        found = _STATUS.search(text) or _CODE.search(text)
        status, action = found[1] if found else "", "failed"
    else:
        status, action = _status_and_action(report)
    return Bounce(action == "failed" and not status.startswith("2"), status, _original_ids(root))


def _status_and_action(report: Part) -> tuple[str, str]:
    """Of the worst recipient: the fields come in blocks, the first of them about the report itself."""
    worst = ("", "")
    for block in re.split(rb"\r?\n\r?\n", report.content()[:100_000]):
        headers = Headers(block.strip() + b"\n")
        action, found = headers.word("action"), _STATUS.search(headers.get("status").decode("latin-1"))
        if action and (not worst[1] or action == "failed"):
            worst = (found[1] if found else "", action)
    return worst


def _original_ids(root: Part) -> tuple[str, ...]:
    """From the returned mail or its headers; else any Message-ID in the report (ours are signed)."""
    ids: list[str] = []
    for part in root.walk():
        if part.content_type in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            ids += message_ids(
                Headers(part.content().split(b"\n\r\n", 1)[0].split(b"\n\n", 1)[0] + b"\n").get("message-id")
            )
    for name in ("in-reply-to", "references", "original-message-id"):
        ids += message_ids(root.headers.get(name))
    for part in root.walk():
        if not part.children:
            ids += [match[1:-1].decode("latin-1") for match in _ANY_ID.findall(part.content()[:100_000])[:50]]
    return tuple(dict.fromkeys(ids))[:50]
