"""What is worth a second look before a reply leaves. Pure: everything that has to be looked up is given.

A warning stops nobody: whoever has read it sends all the same. Its code is for programs, its sentence for people.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tickets.channels.mail.language import ONLY_SIMPLIFIED, ONLY_TRADITIONAL, guess_language, han_and_others

Text = str | Promise

GREETINGS: Final = (
    *("hello", "hi", "hey", "dear", "good morning", "good afternoon", "good evening", "greetings"),
    *("您好", "你好", "尊敬的", "亲爱的", "親愛的", "早上好", "上午好", "下午好", "晚上好", "早安", "午安", "晚安"),
    *("哈喽", "哈囉", "嗨"),
)
# What stands between a greeting and a name, and where a greeting without one ends.
_GREETING: Final = re.compile(
    rf"\s*(?:{'|'.join(map(re.escape, GREETINGS))})(?![A-Za-z])[ \t]*(?P<rest>[^\n]*)", re.IGNORECASE
)
_NOBODY: Final = re.compile(r"[\s,，!！.。:：、~～-]*$")
_HAN_NAME: Final = re.compile(r"[\u3400-\u9fff]{2,4}")
_TITLES: Final = ("先生", "女士", "小姐", "老师", "老師", "同学", "同學", "太太", "总", "總")
# A text of fewer letters than this says nothing of its language: “OK”, “T-1042”.
TELLING: Final = 4


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001  it is one, and Python's own is never meant here
    """What was noticed: a machine's word, a sentence, and the words of the text that it is about.

    What `holds` the reply back is asked about before it is sent; the rest is said beside the seconds in which a reply
    can be taken back.
    """

    code: str
    detail: Text
    words: tuple[str, ...] = ()
    holds: bool = False

    def __str__(self) -> str:
        return f"{self.detail} ({' · '.join(self.words)})" if self.words else str(self.detail)


@dataclass(frozen=True, slots=True)
class Reply:
    """A public reply about to be sent, and what is known around it.

    `language` is the customer's, "" where it is not known; `name` theirs, "" where there is none to greet by;
    `vague` are the phrases of the reply's language; `foreign` the contacts in it that belong to other customers.
    """

    text: str
    language: str = ""
    name: str = ""
    is_first: bool = False
    vague: Sequence[str] = ()
    foreign: Sequence[str] = ()


def warnings_of(reply: Reply) -> list[Warning]:
    """Everything worth saying, the gravest first. Nothing is said of an empty text."""
    if not reply.text.strip():
        return []
    return [*_others_data(reply), *_other_language(reply), *_greeting(reply), *_vague(reply)]


def _others_data(reply: Reply) -> Iterator[Warning]:
    if reply.foreign:
        detail = _("This is another customer's phone number or e-mail address. Don't send it to this one.")
        yield Warning("others_data", detail, tuple(reply.foreign), holds=True)


def _other_language(reply: Reply) -> Iterator[Warning]:
    expected = reply.language.lower()
    han, others = han_and_others(reply.text)
    if not expected or han + others < TELLING:
        return
    said = guess_language(reply.text)
    if not said:
        return
    if expected.startswith("zh") != said.startswith("zh"):
        detail = (
            _("The customer writes Chinese; this reply is in another language.")
            if expected.startswith("zh")
            else _("The customer doesn't write Chinese; this reply does.")
        )
        yield Warning("other_language", detail)
    elif said.startswith("zh") and (wrong := wrong_script(reply.text, expected)):
        detail = (
            _("The customer writes traditional characters; these are simplified.")
            if is_traditional(expected)
            else _("The customer writes simplified characters; these are traditional.")
        )
        yield Warning("other_script", detail, wrong)


def is_traditional(language: str) -> bool:
    """Whether a Chinese language code means traditional characters."""
    return language in {"zh-tw", "zh-hk", "zh-mo"} or language.startswith("zh-hant")


def wrong_script(text: str, expected: str) -> tuple[str, ...]:
    """The characters of the other script, at most eight, where more of them stand there than of the expected one.

    Nothing for plain `zh`, which says nothing of the script. A quoted name or two in the other script is no fault.
    """
    if expected == "zh":
        return ()
    simplified, traditional = scripts_in(text)
    other, own = (simplified, traditional) if is_traditional(expected) else (traditional, simplified)
    return tuple(dict.fromkeys(other))[:8] if len(other) > len(own) else ()


def scripts_in(text: str) -> tuple[list[str], list[str]]:
    """The characters that are only simplified, and those that are only traditional."""
    return [one for one in text if one in ONLY_SIMPLIFIED], [one for one in text if one in ONLY_TRADITIONAL]


def _greeting(reply: Reply) -> Iterator[Warning]:
    """In a first response to somebody whose name is known: a greeting that greets nobody, or no name anywhere."""
    if not reply.is_first or not reply.name or is_named(reply.name, reply.text):
        return
    match = _GREETING.match(reply.text)
    if match and _NOBODY.fullmatch(match["rest"]):
        yield Warning("empty_greeting", _("The greeting names nobody."), (match[0].strip(),))
    else:
        yield Warning("name_missing", _("This is the first response, and the customer's name is not in it."))


def is_named(name: str, text: str) -> bool:
    """Whether the text calls this person by name: whole, by a part of it, or by the family name with a title."""
    said, whole = _folded(text), _folded(name)
    if whole in said:
        return True
    if _HAN_NAME.fullmatch(name.strip()):
        given = whole[1:] if len(whole) > 2 else whole
        return given in said or any(whole[:1] + title in said for title in _TITLES)
    parts = [part for part in re.split(r"[\s.,·-]+", whole) if len(part) > 1]
    return any(re.search(rf"(?<![^\W\d_]){re.escape(part)}(?![^\W\d_])", said) for part in parts)


def _vague(reply: Reply) -> Iterator[Warning]:
    found = [phrase for phrase in reply.vague if says(phrase, reply.text)]
    if found:
        yield Warning("vague", _("This sounds vague. Say what will happen, and by when."), tuple(found))


def says(phrase: str, text: str) -> bool:
    """Whether the phrase stands in the text: as whole words where it is written in letters, anywhere in Chinese."""
    phrase, said = _folded(phrase), _folded(text)
    if not phrase:
        return False
    before = r"(?<![a-z0-9])" if phrase[0].isascii() else ""
    after = r"(?![a-z0-9])" if phrase[-1].isascii() else ""
    return re.search(before + re.escape(phrase) + after, said) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
