"""Bytes of a mail → text, by its label where the label is true and by the evidence where it isn't."""

import codecs
import re
from functools import cache

# WHATWG's rule: what is labelled with an old, smaller set is read with the large one that contains it.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "x-gbk": "gb18030",
    "gb-2312": "gb18030",
    "gb_2312-80": "gb18030",
    "euc-cn": "gb18030",
    "chinesesimplified": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "utf8mb4": "utf-8",
    "utf-8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}
# A western label is what many programs write when they don't know: it proves nothing about bytes above 127.
_WESTERN = frozenset({"cp1252", "iso8859-15", "iso8859-1"})
# These encode Chinese with bytes below 128, so "it is also valid UTF-8" says nothing about them.
_SEVEN_BIT = frozenset({"utf-7", "hz", "iso2022_jp", "iso2022_kr", "utf-16", "utf-16-le", "utf-16-be", "utf-32"})

# The most frequent characters of written Chinese: they tell GB from Big5 when nobody says which it is.
_FREQUENT = frozenset(
    "的一是不了在人有我他这個个們们中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡用道行所然"
    "家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军軍者意无無力它与與"
    "长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并物手应應战戰向头頭文体體政美相见見被利什二等产產或新己"
    "制身果加西斯月话話合回特代内內信表化老给給世位次度门門任常先海通教儿兒原东東声聲提立及比员員解水名真论論处處走义義各入几幾口认認条條平系"
    "退货貨款订訂单單换換客服请請您谢謝快递遞收件邮郵寄买買卖賣钱錢质質量坏壞查询詢号號什麼"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff]")


@cache
def _codec(label: str) -> str:
    """The name of Python's codec for a label from a mail; "" for one that doesn't exist."""
    label = label.strip().strip("\"'").split("*")[0].lower()
    try:
        found = codecs.lookup(_WIDER.get(label, label))
    except (LookupError, ValueError):
        return ""
    # rot13, base64 and the like are codecs too, but not of text
    return found.name if getattr(found, "_is_text_encoding", True) else ""


def decode_bytes(data: bytes, label: str = "") -> str:
    """Text of `data`. Never raises: what cannot be read becomes U+FFFD. No control characters but tab, CR and LF."""
    codec = _codec(label[:40]) if label.isascii() else ""
    return clean(_decode(data, codec))


def clean(text: str) -> str:
    """Without what a database or a page cannot hold: NUL, other controls, byte order marks, lone surrogates."""
    text = _CONTROL.sub("", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


def _decode(data: bytes, codec: str) -> str:
    if data.isascii() and codec not in _SEVEN_BIT:
        return data.decode("ascii")
    as_utf8 = None if codec in _SEVEN_BIT else _strictly(data, "utf-8")
    if as_utf8 is not None and (codec in ("", "utf-8") or codec in _WESTERN or _is_plainly_utf8(as_utf8)):
        return as_utf8
    if codec and codec not in _WESTERN:
        labelled = _strictly(data, codec) or _cut_or_damaged(data, codec)
        if labelled is not None:
            return labelled
    return _by_evidence(data)


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _cut_or_damaged(data: bytes, codec: str) -> str | None:
    """In this charset but for a character cut off at the end, or a bad byte here and there."""
    for missing in range(1, 4):
        text = _strictly(data[:-missing], codec)
        if text:
            return f"{text}\ufffd"
    return data.decode(codec, "replace") if _broken_share(data, codec) < 0.05 else None


def _is_plainly_utf8(text: str) -> bool:
    # Two GBK characters can look like two-byte UTF-8 (Greek, Cyrillic); three bytes in a row are no accident.
    return any(character >= "\u0800" for character in text)


def _broken_share(data: bytes, codec: str) -> float:
    text = data.decode(codec, "replace")
    return text.count("\ufffd") / max(sum(character > "\x7f" for character in text), 1)


def _by_evidence(data: bytes) -> str:
    """The reading with the most frequent Chinese characters; western when no reading is Chinese."""
    best, best_score = data.decode("cp1252", "replace"), 0.2
    for codec in ("gb18030", "big5hkscs", "utf-8"):
        sample = data[:20_000].decode(codec, "replace")
        foreign = [character for character in sample if character > "\x7f"]
        broken = sample.count("\ufffd")
        score = (sum(character in _FREQUENT for character in foreign) - broken) / max(len(foreign), 1)
        if codec == "utf-8" and broken < len(foreign) * 0.1:
            score = 1.0
        if score > best_score:
            best, best_score = data.decode(codec, "replace"), score
    return best
