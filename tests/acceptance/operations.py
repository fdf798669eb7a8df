"""A request for each operation of the API that has to succeed, with rows that fit it made beforehand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import count
from typing import Any, Final

import requests

from servicedesk.clock import now
from tests.acceptance.desk import Desk
from tests.acceptance.doors import raw_mail, upload
from tests.acceptance.listeners import Receiver
from tests.patience import PATIENCE_SECONDS, wait_until

CSRF: Final = "c" * 32
_number: Final = count(1)
UNTIL: Final = (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Valid:
    """Whom it is about, and what is sent."""

    path: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    media: str = "application/json"


class Furnished:
    """A desk with the rows that requests refer to. Each operation gets rows of its own: most of them use theirs up."""

    def __init__(self, desk: Desk, people: dict[str, str], receiver: Receiver) -> None:
        self.desk, self.agent, self.people, self.receiver = desk, people["agent_id"], people, receiver

    def made(self, path: str, body: Any) -> str:
        return str(self.desk.post(path, body)["id"])

    @property
    def asked(self) -> dict[str, Any]:
        number = next(_number)
        phone = f"+86139{number:08d}"
        return {"subject": f"Parcel {number}", "body": "没有消息", "customer": {"name": "王小明", "phone": phone}}

    def customer(self) -> str:
        return self.made("customers/", {"name": "王小明", "email": f"wang{next(_number)}@mail.example"})

    def ticket(self, *verbs: str) -> str:
        ticket = self.made("tickets/", self.asked)
        for verb in verbs:
            self.desk.post(f"tickets/{ticket}/{verb}/", {"until": UNTIL} if verb == "snooze" else {})
        return ticket

    def pair(self) -> tuple[str, str]:
        """Two tickets of one customer."""
        asked = self.asked
        return self.made("tickets/", asked), self.made("tickets/", asked)

    def merged(self) -> str:
        source, target = self.pair()
        self.desk.post(f"tickets/{source}/merge/", {"into": target})
        return source

    def linked(self) -> tuple[str, str]:
        one, other = self.pair()
        self.desk.post(f"tickets/{one}/link/", {"other": other})
        return one, other

    def file(self) -> str:
        ticket = self.ticket()
        name = str(upload(self.desk, ticket, "note.txt", b"broken").json()["id"])
        self.desk.post(f"tickets/{ticket}/messages/", {"body": "here", "author": "customer", "attachments": [name]})
        return name

    def webhook(self) -> str:
        return self.made("webhooks/", {"url": "http://127.0.0.1:9/hook", "kinds": ["tag.created"]})

    def delivery(self) -> dict[str, str]:
        """One that arrived, and may be sent again."""
        path = f"webhooks/{self.listening}/deliveries/?status=delivered"
        self.ticket()
        wait_until(lambda: bool(self.desk.get(path)["results"]), "a delivery")
        return {"id": self.listening, "delivery_id": self.desk.get(path)["results"][0]["id"]}

    @cached_property
    def listening(self) -> str:
        made = self.desk.post("webhooks/", {"url": self.receiver.url, "kinds": ["ticket.opened"]})
        self.receiver.secret = made["secret"]
        return str(made["id"])

    def notice(self) -> str:
        """One by which the agent is told of a ticket that was given to them."""
        ticket = self.ticket()
        self.desk.post(f"tickets/{ticket}/assign/", {"assignee": self.agent})
        wait_until(lambda: bool(self._notices_of(ticket)), "a notice")
        return self._notices_of(ticket)[0]

    def _notices_of(self, ticket: str) -> list[str]:
        found = self._ask_as("agent", "GET", "notices/?limit=100")
        return [str(one["id"]) for one in found["results"] if one["subject"]["id"] == ticket]

    def message(self, by: str = "", **how: Any) -> dict[str, str]:
        """A reply that has not left: one for later, or one `by` a trainee."""
        ticket, path = self.ticket(), "tickets/{}/messages/"
        body = {"body": "On its way.", **how}
        made = self._ask_as(by, "POST", path.format(ticket), body) if by else self.desk.post(path.format(ticket), body)
        return {"id": ticket, "message_id": str(made["id"])}

    def _ask_as(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """As a person of the staff, with the session of their browser."""
        cookies = {"sessionid": self.people[f"{who}_session"], "csrftoken": CSRF}
        answer = requests.request(
            method,
            f"{self.desk.url}/api/v1/{path}",
            json=body,
            cookies=cookies,
            headers={"X-CSRFToken": CSRF},
            timeout=PATIENCE_SECONDS,
        )
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def macro(self) -> str:
        return self.made("macros/", {"name": f"Macro {next(_number)}", "texts": {"en": "Hello"}})

    def view(self) -> str:
        return self.made("saved-views/", {"name": f"View {next(_number)}", "filters": {"status": "new"}})

    def policy(self) -> dict[str, Any]:
        return {"name": f"Policy {next(_number)}", "conditions": {"tag": "nobody's"}, "targets": {"resolution": 3600}}

    def calendar(self) -> dict[str, Any]:
        return {"name": f"Hours {next(_number)}", "time_zone": "Asia/Shanghai", "hours": {"mon": [["09:00", "18:00"]]}}

    def a(self, pk: str, body: Any = None, **more: str) -> Valid:
        return Valid({"id": pk, **more}, body)


def _mail(_: Furnished) -> Valid:
    raw = raw_mail("Wang", "wang@mail.example", f"Parcel {next(_number)}", "没有消息", "note.txt", "broken")
    return Valid(body=raw, media="message/rfc822")


def _merge(on: Furnished) -> Valid:
    source, target = on.pair()
    return on.a(source, {"into": target})


def _link(on: Furnished) -> Valid:
    one, other = on.pair()
    return on.a(one, {"other": other})


def _unlink(on: Furnished) -> Valid:
    one, other = on.linked()
    return on.a(one, {"other": other})


# Only a person of the staff has these: a key belongs to an integration, which is nobody's person.
ONES_OWN: Final = ("notices_", "notice_preferences_", "tickets_draft_")
# Only who leads may.
LEADERS: Final = ("tickets_messages_release_",)

VALID: Final[dict[str, Callable[[Furnished], Valid]]] = {
    "attachments_retrieve": lambda on: on.a(on.file()),
    "calendars_list": lambda on: Valid(),
    "calendars_create": lambda on: Valid(body=on.calendar()),
    "calendars_retrieve": lambda on: on.a(on.made("calendars/", on.calendar())),
    "calendars_partial_update": lambda on: on.a(on.made("calendars/", on.calendar()), {"holidays": ["2027-01-01"]}),
    "customers_list": lambda on: Valid(query={"phone": "+8613900000001"}),
    "customers_create": lambda on: Valid(body={"name": "李雷", "email": f"li{next(_number)}@mail.example"}),
    "customers_retrieve": lambda on: on.a(on.customer()),
    "customers_partial_update": lambda on: on.a(on.customer(), {"name": "韩梅梅", "tags": ["vip"]}),
    "customers_reveal_create": lambda on: on.a(on.customer(), {"fields": ["email"], "reason": "callback"}),
    "customers_lookup_create": lambda on: Valid(body={"phone": "+8613900000001"}),
    "events_retrieve": lambda on: Valid(query={"after": 0, "limit": 5}),
    "inbound_email_create": _mail,
    "macros_list": lambda on: Valid(),
    "macros_create": lambda on: Valid(body={"name": f"Macro {next(_number)}", "texts": {"en": "Hi"}}),
    "macros_retrieve": lambda on: on.a(on.macro()),
    "macros_partial_update": lambda on: on.a(on.macro(), {"is_note": True}),
    "macros_destroy": lambda on: on.a(on.macro()),
    "macros_apply_create": lambda on: on.a(on.macro(), {"ticket": on.ticket(), "send": True}),
    "notice_preferences_retrieve": lambda on: Valid(),
    "notice_preferences_partial_update": lambda on: Valid(
        body={"choices": [{"kind": "ticket.assigned", "sound": True}]}
    ),
    "notices_list": lambda on: Valid(query={"unread": "true"}),
    "notices_retrieve": lambda on: on.a(on.notice()),
    "notices_read_create": lambda on: on.a(on.notice(), {}),
    "notices_read_all_create": lambda on: Valid(body={}),
    "saved_views_list": lambda on: Valid(),
    "saved_views_create": lambda on: Valid(body={"name": f"View {next(_number)}", "filters": {"status": "open"}}),
    "saved_views_retrieve": lambda on: on.a(on.view()),
    "saved_views_partial_update": lambda on: on.a(on.view(), {"ordering": "due_at"}),
    "saved_views_destroy": lambda on: on.a(on.view()),
    "search_create": lambda on: Valid(body={"q": "没有消息"}),
    "sla_policies_list": lambda on: Valid(),
    "sla_policies_create": lambda on: Valid(body=on.policy()),
    "sla_policies_retrieve": lambda on: on.a(on.made("sla-policies/", on.policy())),
    "sla_policies_partial_update": lambda on: on.a(on.made("sla-policies/", on.policy()), {"warn_at_percent": 50}),
    "tags_list": lambda on: Valid(),
    "tags_create": lambda on: Valid(body={"name": f"tag {next(_number)}"}),
    "tags_retrieve": lambda on: on.a(on.made("tags/", {"name": f"tag {next(_number)}"})),
    "tags_partial_update": lambda on: on.a(on.made("tags/", {"name": f"tag {next(_number)}"}), {"color": "#aa3300"}),
    "tickets_list": lambda on: Valid(query={"status": "new", "q": "没有消息"}),
    "tickets_create": lambda on: Valid(body=on.asked),
    "tickets_retrieve": lambda on: on.a(on.ticket()),
    "tickets_partial_update": lambda on: on.a(on.ticket(), {"priority": "urgent", "tags": ["late"]}),
    "tickets_assign_create": lambda on: on.a(on.ticket(), {"assignee": on.agent}),
    "tickets_attachments_create": lambda on: on.a(on.ticket(), {"file": b"broken"}),
    "tickets_clocks_explain_retrieve": lambda on: on.a(on.ticket(), metric="resolution"),
    "tickets_close_create": lambda on: on.a(on.ticket("solve"), {}),
    "tickets_draft_retrieve": lambda on: on.a(on.ticket()),
    "tickets_draft_update": lambda on: on.a(on.ticket(), {"body": "On its"}),
    "tickets_draft_destroy": lambda on: on.a(on.ticket()),
    "tickets_hold_create": lambda on: on.a(on.ticket(), {"for": "customer", "until": UNTIL}),
    "tickets_link_create": _link,
    "tickets_links_list": lambda on: on.a(on.linked()[0]),
    "tickets_merge_create": _merge,
    "tickets_messages_list": lambda on: on.a(on.ticket()),
    "tickets_messages_create": lambda on: on.a(on.ticket(), {"body": "On its way.", "visibility": "public"}),
    "tickets_messages_release_create": lambda on: Valid(on.message(by="trainee"), {}),
    "tickets_messages_send_now_create": lambda on: Valid(on.message(leaves_at=UNTIL), {}),
    "tickets_messages_undo_create": lambda on: Valid(on.message(leaves_at=UNTIL), {}),
    "tickets_reopen_create": lambda on: on.a(on.ticket("solve"), {}),
    "tickets_resume_create": lambda on: on.a(on.ticket("hold"), {}),
    "tickets_snooze_create": lambda on: on.a(on.ticket(), {"until": UNTIL}),
    "tickets_solve_create": lambda on: on.a(on.ticket(), {}),
    "tickets_timeline_list": lambda on: on.a(on.ticket("solve")),
    "tickets_unlink_create": _unlink,
    "tickets_unmerge_create": lambda on: on.a(on.merged(), {}),
    "tickets_unsnooze_create": lambda on: on.a(on.ticket("snooze"), {}),
    "tickets_warnings_create": lambda on: on.a(on.ticket(), {"body": "Maybe."}),
    "webhooks_list": lambda on: Valid(),
    "webhooks_create": lambda on: Valid(body={"url": "http://127.0.0.1:9/hook", "kinds": ["tag.created"]}),
    "webhooks_retrieve": lambda on: on.a(on.webhook()),
    "webhooks_partial_update": lambda on: on.a(on.webhook(), {"state": "paused"}),
    "webhooks_destroy": lambda on: on.a(on.webhook()),
    "webhooks_deliveries_list": lambda on: on.a(on.webhook()),
    "webhooks_deliveries_resend_create": lambda on: Valid(on.delivery(), {}),
    "webhooks_resend_failed_create": lambda on: on.a(on.webhook(), {}),
    "webhooks_rotate_secret_create": lambda on: on.a(on.webhook(), {}),
    "word_lists_list": lambda on: Valid(),
    "word_lists_retrieve": lambda on: Valid({"language": "en"}),
    "word_lists_update": lambda on: Valid({"language": "en"}, {"phrases": ["maybe", "at some point"]}),
}
