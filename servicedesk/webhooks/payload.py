"""What a receiver and the event feed are told of an event: ids, codes, numbers and times, never personal text."""

import json
from collections.abc import Mapping
from typing import Any

from servicedesk.models import Event
from servicedesk.rest.fields import utc


def data_of(event: Event, position: int | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The event as both doors show it, with its `changes` as the reader may see them (`hearing.changes_for`)."""
    return {
        "event_id": str(event.pk),
        "position": position,
        "subject": {
            "type": event.subject_type,
            "id": str(event.subject_id),
            "number": event.subject_number or None,
        },
        "shop": None if event.shop_id is None else str(event.shop_id),
        "by": {"type": event.by_type, "id": None if event.by_id is None else str(event.by_id)},
        "changes": dict(changes),
    }


def body_of(event: Event, position: int | None, changes: Mapping[str, Any]) -> bytes:
    """The webhook's body; the same bytes at every try."""
    whole = {"type": event.kind, "timestamp": utc(event.at), "data": data_of(event, position, changes)}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
