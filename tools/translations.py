"""Translations without the gettext programs: babel extracts, updates, checks and compiles.

    python tools/translations.py update      the catalogues follow the sources (new strings are left empty)
    python tools/translations.py compile     .po → .mo, only where it changed
    python tools/translations.py check       says what is untranslated, fuzzy, left over or broken, and fails

English is the source. To add a language: name it in settings.LANGUAGES, make locale/<code>/LC_MESSAGES/, run `update`.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parent.parent
LOCALE: Final = ROOT / "locale"
PROJECT: Final = "Service desk"
LEFT_OUT: Final = {"migrations", "tests", "bench", "tools", "node_modules", "var", "build", "locale", "docs", "static"}
KEYWORDS: Final = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HAN: Final = re.compile(r"[\u3400-\u9fff]")
WORD: Final = re.compile(r"[A-Za-z]{3,}")
PLACEHOLDER: Final = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
# Written alike in every language.
ALIKE: Final = {"API", "English", "SLA", "TOTP", "UUID", "CSV"}


def sources() -> Iterator[Path]:
    for pattern in ("*.py", "*.html", "*.txt"):
        for path in sorted(ROOT.rglob(pattern)):
            parts = path.relative_to(ROOT).parts
            hidden = any(part.startswith(".") or part in LEFT_OUT for part in parts[:-1])
            if not hidden and (path.suffix == ".py" or "templates" in parts):
                yield path


def readable(path: Path) -> io.BytesIO:
    """The file as Python that babel can read: a template's tags become calls, its text becomes X's."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    return io.BytesIO(text.encode())


def extracted() -> Catalog:
    catalog = Catalog(project=PROJECT, fuzzy=False)
    for path in sources():
        for _line, words, comments, context in extract("python", readable(path), KEYWORDS, ["Translators:"]):
            name = path.relative_to(ROOT).as_posix()
            catalog.add(words, None, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def catalogue_files() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


def load(path: Path) -> Catalog:
    if not path.stat().st_size:
        return Catalog(locale=path.parts[-3], project=PROJECT, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update() -> int:
    """The catalogues get what is new and lose what is gone; a changed msgid is a new one, nothing is guessed."""
    template = extracted()
    for path in catalogue_files():
        catalog = load(path)
        template.creation_date = catalog.creation_date
        catalog.update(template, no_fuzzy_matching=True)
        catalog.fuzzy = False
        save(catalog, path)
        empty = sum(1 for message in catalog if message.id and not is_complete(message))
        print(f"{path.relative_to(ROOT)}: {len(catalog)} strings, {empty} untranslated")
    return 0


def save(catalog: Catalog, path: Path) -> None:
    catalog.revision_date = catalog.creation_date
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=116, sort_output=True, ignore_obsolete=True, include_lineno=False)
    path.write_bytes(buffer.getvalue())


def all_forms(message: Message) -> tuple[str | None, ...]:
    """The translation and, where the text counts something, its plurals."""
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string,)


def is_complete(message: Message) -> bool:
    return all(all_forms(message))


def compile_catalogues() -> int:
    for path in catalogue_files():
        buffer = io.BytesIO()
        write_mo(buffer, load(path))
        target = path.with_suffix(".mo")
        if not target.exists() or target.read_bytes() != buffer.getvalue():
            target.write_bytes(buffer.getvalue())
    return 0


def faults() -> list[str]:
    """What is wrong with the catalogues, one line each."""
    template = extracted()
    wanted = {(message.id, message.context) for message in template if message.id}
    found = []
    for path in catalogue_files():
        catalog = load(path)
        name = path.parts[-3]
        there = {(message.id, message.context) for message in catalog if message.id}
        found += [f"{name}: not in the catalogue: {first(key[0])!r}" for key in wanted - there]
        found += [f"{name}: no longer in the sources: {first(key[0])!r}" for key in there - wanted]
        for message in catalog:
            if message.id and (message.id, message.context) in wanted:
                found += [f"{name}: {fault}: {first(message.id)!r}" for fault in faults_of(message, name)]
    return sorted(found)


def first(words: str | tuple[str, ...] | list[str]) -> str:
    return words if isinstance(words, str) else words[0]


def faults_of(message: Message, language: str) -> Iterator[str]:
    if message.fuzzy:
        yield "fuzzy"
    if not is_complete(message):
        yield "untranslated"
        return
    source = first(message.id)
    strings = [string or "" for string in all_forms(message)]
    # The last plural form is the one with the number in it.
    original = message.id if isinstance(message.id, str) else message.id[-1]
    for string in strings:
        if sorted(set(PLACEHOLDER.findall(original))) != sorted(set(PLACEHOLDER.findall(string))):
            yield "other placeholders"
        plain = PLACEHOLDER.sub("", source)
        if language.startswith("zh") and WORD.search(plain) and source not in ALIKE and not HAN.search(string):
            yield "no Chinese in it"


def check() -> int:
    found = faults()
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    commands = {"update": update, "compile": compile_catalogues, "check": check}
    if sys.argv[1:2] == [] or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]]())
