"""Errors reported to Sentry, for desks with a SENTRY_DSN: which error, where in the code, in which request or task.

What is sent is a list of what may be, not of what may not: no message (it could quote a customer), no request, header,
cookie, body, address or person, no local variable and no breadcrumb, whoever of the SDK or of a library added it.
Everything that is logged as an error is reported; the SDK hooks into nothing by itself.
"""

import sys
from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from typing import Any, Final

Parts = dict[str, Any]

EVENT: Final = ("event_id", "timestamp", "platform", "level", "release", "environment", "sdk")
CONTEXTS: Final = ("runtime", "trace")
EXCEPTION: Final = ("type", "module")
FRAME: Final = ("filename", "function", "module", "lineno", "in_app")
# Of what a line of the log says: ids, and names that stand in the code.
TAGS: Final = ("request_id", "task", "route", "reaction", "housekeeper")
ERRORS: Final = frozenset({"error", "critical"})


def is_installed() -> bool:
    """Whether the SDK is there: it comes with requirements-production.txt."""
    return find_spec("sentry_sdk") is not None


def start(dsn: str) -> bool:
    """From now on this process reports its errors to that address. False without an address or without the SDK."""
    if not dsn or not is_installed():
        return False
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration

    sentry_sdk.init(
        dsn,
        # What was reported last is sent before the process ends; nothing is said on the terminal about it.
        integrations=[AtexitIntegration(callback=lambda pending, timeout: None)],
        default_integrations=False,
        auto_enabling_integrations=False,
        before_send=only_what_may_be_sent,  # type: ignore[arg-type]  # events are typed dicts there
        server_name="",
        # send_default_pii is off unless it is given, and giving it is deprecated.
        max_request_body_size="never",
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        auto_session_tracking=False,
        send_client_reports=False,
        enable_metrics=False,
    )
    return True


def report_errors(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog: passes each line on, and reports it where it is an error. It stands before exc_info
    is replaced by words."""
    if line.get("level") in ERRORS and "sentry_sdk" in sys.modules:
        import sentry_sdk
        from sentry_sdk.utils import event_from_exception

        record = line.get("_record")
        # Words of libraries can hold anything: of their lines only the logger's name is told.
        facts = line if record is None else {**line, "event": record.name, "route": getattr(record, "route", None)}
        error = _error(line.get("exc_info"))
        event: Parts = (
            dict(event_from_exception(error, sentry_sdk.get_client().options)[0]) if error is not None else {}
        )
        event["level"] = "fatal" if line["level"] == "critical" else "error"
        sentry_sdk.capture_event(event, hint={"message": str(facts["event"]), "tags": _only(facts, TAGS)})  # type: ignore[arg-type]
    return line


def only_what_may_be_sent(event: Mapping[str, Any], hint: Mapping[str, Any]) -> Parts:
    """The event, made of nothing but what is named at the top of this module; words and tags are ours or left out."""
    sent = _only(event, EVENT) | _only(hint, ("message", "tags"))
    sent["contexts"] = _only(event.get("contexts") or {}, CONTEXTS)
    values = (event.get("exception") or {}).get("values") or ()
    if values:
        sent["exception"] = {"values": [_only(value, EXCEPTION) | _stack_of(value) for value in values]}
    return sent


def _stack_of(value: Mapping[str, Any]) -> Parts:
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    return {"stacktrace": {"frames": [_only(frame, FRAME) for frame in frames]}} if frames else {}


def _only(found: Mapping[str, Any], names: tuple[str, ...]) -> Parts:
    return {name: found[name] for name in names if found.get(name) is not None}


def _error(info: Any) -> BaseException | None:
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    return error if isinstance(error, BaseException) else None
