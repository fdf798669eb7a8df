"""Raw mail → `ParsedMail`. Pure: no database, no clock, and no exception but TooLarge."""

import mimetypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from servicedesk.errors import TooLarge
from tickets.channels.mail.bounces import Bounce, read_bounce
from tickets.channels.mail.charsets import decode_bytes
from tickets.channels.mail.headers import Address, Headers, addresses, message_ids, parse_date
from tickets.channels.mail.html_text import html_to_text
from tickets.channels.mail.language import guess_language
from tickets.channels.mail.machines import is_auto_reply, machine_reason, spam_flags
from tickets.channels.mail.mime import Part, read_tree
from tickets.channels.mail.replies import SplitReply, split_reply

MAX_BYTES = 35 * 1024 * 1024
MAX_TEXT = 100_000  # as much as a message holds by any door
MAX_ATTACHMENTS = 100

_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "resent-to")
_ANSWER_SUBJECT = re.compile(r"\s*(?:re|aw|sv|回复|回覆|答复|答覆|回信|返信)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,30})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MailAttachment:
    name: str
    content_type: str
    is_inline: bool
    part: Part

    def content(self) -> bytes:
        """Decoded anew at each call: a mail's attachments needn't all be in memory twice."""
        return self.part.content()


@dataclass(frozen=True, slots=True)
class ParsedMail:
    sender: Address | None
    to: tuple[Address, ...]  # every address it was sent or delivered to
    reply_to: Address | None
    subject: str
    message_id: str  # without angle brackets, as in references; "" without one
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None  # as the sender claims
    text: str  # all of it
    new_text: str  # without the quoted mail below an answer
    attachments: tuple[MailAttachment, ...]
    language: str  # "zh-hans", "zh-hant", "en" or ""
    machine: str  # why it must not be answered automatically; "" a person
    is_auto_reply: bool
    bounce: Bounce | None
    flags: tuple[str, ...]  # "spam", "forged"
    defects: tuple[str, ...]  # what was wrong with it, as codes


def parse_mail(raw: bytes) -> ParsedMail:
    """Raises TooLarge above 35 MB, before anything is read; nothing else, whatever the bytes are."""
    if len(raw) > MAX_BYTES:
        raise TooLarge("A mail may have 35 MB.")
    root = read_tree(raw)
    headers, hint = root.headers, _hint(root)
    subject = headers.text("subject", hint)[:300]
    sender = _sender(headers, hint)
    body = _Body(root)
    text = body.text()
    split = split_reply(text) if _is_answer(headers, subject) else SplitReply(text, "")
    return ParsedMail(
        sender=sender,
        to=tuple({a.email.lower(): a for v in headers.all(*_RECIPIENT_FIELDS) for a in addresses(v, hint)}.values()),
        reply_to=next(iter(addresses(headers.get("reply-to"), hint)), None),
        subject=subject,
        message_id=next(iter(message_ids(headers.get("message-id"))), ""),
        in_reply_to=message_ids(headers.get("in-reply-to")),
        references=message_ids(headers.get("references")),
        date=parse_date(headers.get("date")),
        text=text,
        new_text=split.new,
        attachments=tuple(body.attachments()),
        language=guess_language(f"{subject}\n{split.new}", hint),
        machine=machine_reason(headers, sender),
        is_auto_reply=is_auto_reply(headers, subject),
        bounce=read_bounce(root, subject, sender.email if sender else ""),
        flags=spam_flags(headers),
        defects=tuple(body.defects),
    )


def _hint(root: Part) -> str:
    """Programs that write raw 8-bit headers write them in the charset of the text."""
    return next((part.charset for part in root.walk() if part.charset and part.content_type.startswith("text/")), "")


def _sender(headers: Headers, hint: str) -> Address | None:
    for name in ("from", "sender", "return-path"):
        found = addresses(headers.get(name), hint)
        if found:
            return found[0]
    return None


def _is_answer(headers: Headers, subject: str) -> bool:
    return "in-reply-to" in headers or "references" in headers or bool(_ANSWER_SUBJECT.match(subject))


class _Body:
    """Sorts a tree's leaves into what is read as text and what is attached."""

    def __init__(self, root: Part) -> None:
        self._texts: list[str] = []
        self._attached: list[tuple[Part, bool]] = []
        self.defects: list[str] = []
        if root.headers.is_oversized:
            self.defects.append("oversized_header")
        if root.content_type.startswith("multipart/") and not root.children:
            self.defects.append("no_boundary")
        self._sort(root)

    def text(self) -> str:
        text = "\n\n".join(text for text in self._texts if text.strip()).strip("\n")
        if len(text) > MAX_TEXT:
            self.defects.append("long_text")
        return text[:MAX_TEXT]

    def attachments(self) -> Iterator[MailAttachment]:
        if len(self._attached) > MAX_ATTACHMENTS:
            self.defects.append("many_attachments")
        for number, (part, is_inline) in enumerate(self._attached[:MAX_ATTACHMENTS], start=1):
            yield MailAttachment(part.file_name or _made_name(part, number), part.content_type, is_inline, part)

    def _sort(self, part: Part) -> None:
        if part.content_type == "multipart/alternative":
            self._sort_alternatives(part.children)
        elif part.children:
            for child in part.children:
                self._sort(child)
        elif _is_body(part):
            self._add_text(part)
        elif part.body.strip():
            self._attached.append((part, _is_inline(part)))

    def _sort_alternatives(self, children: Iterable[Part]) -> None:
        """Plain text where it says something, else the HTML; what is attached inside any of them is kept."""
        taken = False
        for child in sorted(children, key=lambda child: child.content_type != "text/plain"):
            leaves = [leaf for leaf in child.walk() if not leaf.children]
            bodies = [leaf for leaf in leaves if _is_body(leaf)]
            if not taken and bodies:
                before = len(self._texts)
                self._sort(child)
                taken = any(text.strip() for text in self._texts[before:])
                continue
            self._attached += [(leaf, _is_inline(leaf)) for leaf in leaves if leaf not in bodies and leaf.body.strip()]

    def _add_text(self, part: Part) -> None:
        if part.content_type == "text/html":
            text = html_to_text(_html(part))
        else:
            text = _unflow(part)
        self._texts.append(text)
        if len(text) > MAX_TEXT:
            self._attached.append((part, False))  # more than a message holds: the whole is kept as a file


def _is_body(part: Part) -> bool:
    if part.disposition == "attachment" or part.content_type not in ("text/plain", "text/html"):
        return False
    return not part.file_name


def _is_inline(part: Part) -> bool:
    return part.disposition == "inline" or "content-id" in part.headers


def _html(part: Part) -> str:
    declared = _META_CHARSET.search(part.content()[:4096])
    if part.charset or not declared:
        return part.text()
    return decode_bytes(part.content(), declared[1].decode("ascii"))


def _unflow(part: Part) -> str:
    """RFC 3676: in `format=flowed` a line that ends with a space goes on in the next one."""
    text = part.text()
    if part.headers.param("content-type", "format")[1].lower() != "flowed":
        return text
    joint = "" if part.headers.param("content-type", "delsp")[1].lower() == "yes" else " "
    out: list[str] = []
    is_open = False
    for line in text.split("\n"):
        quote = line[: len(line) - len(line.lstrip(">"))]
        content = line[len(quote) :].removeprefix(" ") if quote else line.removeprefix(" ")
        if is_open and out and not quote:
            out[-1] = out[-1].rstrip(" ") + joint + content
        else:
            out.append(f"{quote} {content}" if quote else content)
        is_open = not quote and content.endswith(" ") and content != "-- "
    return "\n".join(line.rstrip() for line in out)


def _made_name(part: Part, number: int) -> str:
    if part.content_type == "message/rfc822":
        return f"message-{number}.eml"
    return f"attachment-{number}{mimetypes.guess_extension(part.content_type) or '.bin'}"
