"""What macros may hold, and how their texts are filled in. Pure but for the names of languages."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from servicedesk.errors import FieldError
from servicedesk.languages import ways_to_say
from tickets.models import Kind, Priority

VARIABLES: Final = ("customer_name", "ticket_number", "agent_name", "shop_name", "order_number")
LONGEST_TEXT: Final = 10_000
MOST_ACTIONS: Final = 20
MOST_HOURS: Final = 24 * 366
Text = str | Promise

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MARKS = re.compile(r"\{\{|\}\}")


def variables_of(text: str) -> set[str]:
    """The names between double braces."""
    return set(_VARIABLE.findall(text))


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced, once: what a value holds is never read as a variable."""
    return _VARIABLE.sub(lambda match: values.get(match[1], ""), text)


def text_for(texts: Mapping[str, str], *languages: str) -> tuple[str, str]:
    """The first text there is among these languages (zh for zh-hans, zh-hans for zh-CN), else any; its language."""
    for language in languages:
        for code in ways_to_say(language):
            if text := texts.get(code):
                return text, code
    return next(((text, language) for language, text in texts.items() if text), ("", ""))


# ------------------------------------------------------------------------------------------------ said in words


def said(actions: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """What a macro does besides its text, a few words each; `names` are those of people and teams by id."""
    return [str(_SAID[one["action"]](one["params"], names)) for one in actions]


def _assigns(params: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    whom = params["assignee"]
    if whom is None:
        return _("back to the queue")
    if whom == "auto":
        return _("give it to whoever is free")
    return _("take it") if whom == "me" else _("give it to %(name)s") % {"name": names.get(whom, "–")}


def _holds(params: Mapping[str, Any], names: Mapping[str, str]) -> Text:
    if "hours" in params:
        return _("on hold for %(n)s h") % {"n": params["hours"]}
    return _("wait for the customer") if params.get("for") == "customer" else _("wait for others")


_SAID: Final[dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Text]]] = {
    "tag": lambda params, names: _("tag %(tags)s") % {"tags": ", ".join(params["tags"])},
    "untag": lambda params, names: _("remove the tag %(tags)s") % {"tags": ", ".join(params["tags"])},
    "assign": _assigns,
    "team": lambda params, names: _("team %(name)s") % {"name": names.get(params["team"] or "", "–")},
    "priority": lambda params, names: _("priority %(name)s") % {"name": Priority(params["priority"]).label},
    "kind": lambda params, names: _("kind %(name)s") % {"name": Kind(params["kind"]).label},
    "hold": _holds,
    "solve": lambda params, names: _("solve"),
}


# ------------------------------------------------------------------------------------------------ what makes sense


def errors_of(name: str, texts: Any, actions: Any) -> Iterator[FieldError]:
    """Everything that is wrong with a macro, each with the field it is about."""
    if not name.strip():
        yield FieldError("name", "blank", _("A macro needs a name."))
    if not texts and not actions:
        yield FieldError("texts", "required", _("A macro needs a text or something to do."))
    for language, text in texts.items():
        yield from _wrong_text(f"texts.{language}", language, text)
    if len(actions) > MOST_ACTIONS:
        yield FieldError("actions", "too_many", _("A macro does at most %(n)s things.") % {"n": MOST_ACTIONS})
    else:
        for place, one in enumerate(actions):
            yield from _wrong_action(f"actions.{place}", one)


def _wrong_text(field: str, language: str, text: Any) -> Iterator[FieldError]:
    if language not in dict(settings.LANGUAGES):
        yield FieldError(field, "unknown_language", _("Texts are kept in the desk's languages."))
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        yield FieldError(field, "invalid", _("A text of at most %(n)s characters is expected.") % {"n": LONGEST_TEXT})
        return
    if unknown := sorted(variables_of(text) - set(VARIABLES)):
        known = ", ".join(f"{{{{{name}}}}}" for name in VARIABLES)
        detail = _("There is no variable %(unknown)s. Known ones: %(known)s.")
        yield FieldError(field, "unknown_variable", detail % {"unknown": ", ".join(unknown), "known": known})
    elif _MARKS.search(_VARIABLE.sub("", text)):
        yield FieldError(field, "open_braces", _("A variable stands between {{ and }}; one of them is missing."))


def _wrong_action(field: str, one: Any) -> Iterator[FieldError]:
    if not isinstance(one, Mapping) or not one.keys() <= {"action", "params"}:
        yield FieldError(field, "invalid", _("An action has a name and parameters."))
        return
    params = one.get("params") or {}
    check = PARAMS.get(one.get("action", ""))
    if check is None:
        yield FieldError(f"{field}.action", "unknown", _("Known actions: %(names)s.") % {"names": ", ".join(PARAMS)})
    elif not isinstance(params, Mapping) or not check(params):
        yield FieldError(f"{field}.params", "invalid", _("These parameters don't fit the action."))


def _tags(params: Mapping[str, Any]) -> bool:
    tags = params.get("tags")
    return (
        params.keys() == {"tags"}
        and isinstance(tags, Sequence)
        and not isinstance(tags, str)
        and 0 < len(tags) <= MOST_ACTIONS
        and all(isinstance(tag, str) and 0 < len(tag.strip()) <= 40 for tag in tags)
    )


def _one_of(name: str, choices: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    return lambda params: params.keys() == {name} and params[name] in choices


def _id_or(name: str, *words: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda params: params.keys() == {name} and (params[name] is None or _is_id(params[name], words))


def _is_id(value: Any, words: Sequence[str]) -> bool:
    return isinstance(value, str) and (
        value in words or re.fullmatch(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", value) is not None
    )


def _hold(params: Mapping[str, Any]) -> bool:
    hours = params.get("hours", 1)
    whole = isinstance(hours, int) and not isinstance(hours, bool)
    return (
        params.keys() <= {"for", "hours"}
        and params.get("for", "others") in {"customer", "others"}
        and whole
        and 1 <= hours <= MOST_HOURS
    )


PARAMS: Final[dict[str, Callable[[Mapping[str, Any]], bool]]] = {
    "tag": _tags,
    "untag": _tags,
    "assign": _id_or("assignee", "me", "auto"),
    "team": _id_or("team"),
    "priority": _one_of("priority", Priority.values),
    "kind": _one_of("kind", Kind.values),
    "hold": _hold,
    "solve": lambda params: not params,
}
