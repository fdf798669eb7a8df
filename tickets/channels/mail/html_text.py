"""HTML of a mail → the text a person would have read. Quoted containers become lines that begin with `> `."""

import re
from html import unescape
from html.parser import HTMLParser

import nh3

MAX_HTML = 2_000_000
MAX_NESTING = 2000
MAX_ENTITIES = 200_000
MAX_TAGS = 40_000

_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    }
)
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"})
# Containers in which webmails put what is being answered (Gmail, Yahoo, QQ, NetEase, Outlook's mobile apps).
_QUOTING_CLASSES = frozenset(
    {"gmail_quote", "yahoo_quoted", "moz-cite-prefix-quote", "xm_compose_origin_mail_container", "ntes-quote"}
)
_QUOTING_IDS = frozenset({"isreplycontent", "mail-editor-reference-message-container", "origbody"})
_TAGS = _BLOCKS | {"a", "b", "blockquote", "br", "font", "hr", "i", "img", "span", "strong", "td", "th", "u"}
_WHITE = re.compile(r"[ \t\r\n\f]+")
_RUN = re.compile(r"\n{3,}")
_TAG_START = re.compile(r"</?(?!br|hr|img|meta|link|input|p\b|li\b|td\b|tr\b)[a-z]", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")


def html_to_text(html: str) -> str:
    """The text, made well-formed first by a browser's algorithm, without scripts and styles.

    That algorithm takes quadratic time in the depth of nesting, in the number of entities and in empty paragraphs in a
    row: beyond what any mail program writes, tags are just cut.
    """
    if (
        html.count("<", 0, MAX_HTML) > MAX_TAGS
        or html.count("&", 0, MAX_HTML) > MAX_ENTITIES
        or _nesting(html) > MAX_NESTING
    ):
        return _RUN.sub("\n\n", unescape(_ANY_TAG.sub("\n", html[:MAX_HTML]))).strip()
    cleaned = nh3.clean(
        html[:MAX_HTML],
        tags=set(_TAGS),
        attributes={"*": {"class", "id"}, "a": {"href"}, "img": {"alt"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )
    reader = _Reader()
    reader.feed(cleaned)
    reader.close()
    return reader.result()


def _nesting(html: str) -> int:
    deepest = depth = 0
    for match in _TAG_START.finditer(html, 0, MAX_HTML):
        depth += -1 if match[0][1] == "/" else 1
        deepest = max(deepest, depth)
    return deepest


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._open: list[tuple[str, bool]] = []  # (tag, does it quote)
        self._depth = 0
        self._link = ""
        self._link_text = ""
        self._pre = 0

    def result(self) -> str:
        self._end_line()
        return _RUN.sub("\n\n", "\n".join(self._lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._end_line(always=True)
            return
        if tag == "img":
            alt = (dict(attrs).get("alt") or "").strip()
            self._line.append(f"[{alt[:100]}]" if alt else "")
            return
        if tag == "hr":
            self._end_line()
            return
        quotes = self._is_quote(tag, attrs)
        self._open.append((tag, quotes))
        if tag in _BLOCKS or quotes:
            self._end_line()
        if tag in _SPACED or quotes:
            self._blank()
        self._depth += quotes
        self._pre += tag == "pre"
        if tag == "li":
            self._line.append("- ")
        elif tag == "a":
            self._link, self._link_text = (dict(attrs).get("href") or "")[:2000], ""

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, quotes = self._open.pop()
            if name == "a":
                self._end_link()
            if name in _BLOCKS or quotes:
                self._end_line()
            self._depth -= quotes
            self._pre -= name == "pre"
            if name in _SPACED or quotes:
                self._blank()
            if name in ("td", "th"):
                self._line.append(" ")
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._pre:
            first, *others = data.split("\n")
            self._line.append(first)
            for other in others:
                self._end_line(always=True)
                self._line.append(other)
            return
        text = _WHITE.sub(" ", data)
        self._link_text += text if self._link else ""
        self._line.append(text)

    def _is_quote(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        if tag == "blockquote":
            return True
        values = dict(attrs)
        classes = (values.get("class") or "").lower().split()
        return bool(_QUOTING_CLASSES.intersection(classes)) or (values.get("id") or "").lower() in _QUOTING_IDS

    def _end_link(self) -> None:
        target = self._link.removeprefix("mailto:").removeprefix("tel:")
        if target and target.rstrip("/") not in self._link_text and self._link_text.strip():
            self._line.append(f" ({target})")
        self._link = ""

    def _end_line(self, *, always: bool = False) -> None:
        text = "".join(self._line).replace("\xa0", " ")
        text = text.rstrip() if self._pre else re.sub(r" {2,}", " ", text).strip()
        self._line = []
        if text or always:
            self._lines.append((self._prefix() + text).rstrip())

    def _blank(self) -> None:
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._prefix().rstrip())

    def _prefix(self) -> str:
        return "> " * min(self._depth, 10)
