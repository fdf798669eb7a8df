"""SLA policies: which one governs, what it promises, and what an edit brings about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from clocks.models import Clock
from customers.models import CustomerTag
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid, NotAllowed
from servicedesk.models import User
from servicedesk.permissions import SCOPE_PERMISSIONS
from tests.counting import steady_caches
from tests.make import Make
from tickets import policies
from tickets.actions.policies import PolicyDraft, create_policy, edit_policy
from tickets.models import SlaPolicy, Ticket
from tickets.policies import fits, make_plans, plans_for, policy_for

pytestmark = pytest.mark.django_db

ACCEPTED = [
    ({}, {"kind": ["return"]}, True),
    ({"kind": frozenset({"return"})}, {"kind": ["return"]}, True),
    ({"kind": frozenset({"return", "complaint"})}, {"kind": ["complaint"]}, True),
    ({"kind": frozenset({"return"})}, {"kind": ["order"]}, False),
    ({"kind": frozenset({"return"})}, {}, False),
    ({"tag": frozenset({"vip", "618"})}, {"tag": {"618", "late"}}, True),
    ({"kind": frozenset({"return"}), "tag": frozenset({"vip"})}, {"kind": ["return"], "tag": {"late"}}, False),
]


@pytest.mark.parametrize(("wants", "facts", "verdict"), ACCEPTED)
def test_all_conditions_must_fit_and_any_of_their_values(wants: Any, facts: Any, verdict: bool) -> None:
    assert fits(wants, facts) is verdict


names = st.sampled_from(["kind", "tag", "shop"])
values = st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1)


@given(st.dictionaries(names, values), st.dictionaries(names, values), names, values)
def test_one_more_condition_never_fits_more(wants: Any, facts: Any, name: str, more: frozenset[str]) -> None:
    if name not in wants and fits({**wants, name: more}, facts):
        assert fits(wants, facts)


def governed(ticket: Ticket, *tags: str, customer_tags: tuple[str, ...] = ()) -> str:
    policy = policy_for(ticket, tags=frozenset(tags), customer_tags=frozenset(customer_tags))
    return policy.name if policy else ""


def policy(name: str, **facts: Any) -> SlaPolicy:
    return create_policy(PolicyDraft(name, **facts), by=SYSTEM)


def test_the_first_that_fits_governs_and_the_default_stands_behind_all(make: Make) -> None:
    ticket = make.ticket(kind="return", priority="high", language="zh-hans")
    assert ticket.policy is not None
    assert ticket.policy.name == governed(ticket) == "Default"
    policy("second", position=2, conditions={"kind": ["return", "complaint"], "language": "zh"})
    assert governed(ticket) == "second"
    policy("first", position=1, conditions={"priority": "high", "shop": "main", "channel": ["email", "api"]})
    assert governed(ticket) == "first"
    policy("never", position=0, conditions={"kind": "order"})
    policy("off", position=0, active=False)
    assert governed(ticket) == "first"


@pytest.mark.parametrize(
    ("written", "kept", "language"),
    [("zh-CN", "zh-hans", "zh-hans"), (["en-GB", "zh_TW"], ["en", "zh-hant"], "zh-hant"), ("zh", "zh", "zh-hant")],
)
def test_a_language_is_meant_however_it_is_written(make: Make, written: Any, kept: Any, language: str) -> None:
    made = policy("theirs", conditions={"language": written})
    assert made.conditions == {"language": kept}
    assert governed(make.ticket(language=language)) == "theirs"
    edited = edit_policy(made, PolicyDraft("theirs", conditions={"language": "en_US"}), by=SYSTEM)
    assert edited.conditions == {"language": "en"}


def test_tags_of_the_ticket_and_of_the_customer_count(make: Make) -> None:
    policy("vip", conditions={"customer_tag": "VIP"})
    policy("urgent tag", conditions={"tag": "618"}, position=1)
    ticket = make.ticket(tags=("618",))
    assert governed(ticket) == "Default"
    assert governed(ticket, "618") == "urgent tag"
    assert governed(ticket, "618", customer_tags=("VIP",)) == "vip"
    assert ticket.policy is not None
    assert ticket.policy.name == "urgent tag"
    customer = make.customer()
    customer.tags.add(CustomerTag.objects.create(name="VIP"))
    theirs = make.ticket(customer=customer).policy
    assert theirs is not None
    assert theirs.name == "vip"


def test_teams_and_shops_are_named_or_given_by_id(make: Make) -> None:
    team, shop = make.team("Bags"), make.shop("second")
    policy("team", conditions={"team": "Bags"})
    policy("shop", conditions={"shop": str(shop.pk)})
    assert governed(make.ticket(team=team)) == "team"
    assert governed(make.ticket(customer=make.customer(shop=shop))) == "shop"


def test_a_ticket_costs_no_query_for_its_policy(make: Make) -> None:
    policies.forget_policies()
    ticket = make.ticket()
    own = ticket.policy
    governed(ticket)
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        governed(ticket)
        plans_for(own, "first_response", "resolution")
    assert len(queries) == 0


def test_other_processes_see_an_edit_within_a_second(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    assert governed(ticket) == "Default"
    SlaPolicy.objects.update(name="Changed elsewhere")
    moment = policies.time.monotonic()
    assert governed(ticket) == "Default"
    monkeypatch.setattr(policies.time, "monotonic", lambda: moment + 1.1)
    assert governed(ticket) == "Changed elsewhere"


def test_a_plan_has_the_target_the_warning_and_the_steps_in_order() -> None:
    steps = [
        {"metric": "resolution", "offset_seconds": 60, "action": "notify_manager", "params": {}},
        {"metric": "resolution", "offset_seconds": -60, "action": "notify_assignee"},
        {"metric": "resolution", "offset_seconds": -600, "action": "notify_team"},
        {"metric": "resolution", "offset_seconds": 60, "action": "notify_manager", "params": {}},
        {"metric": "first_response", "offset_seconds": 0, "action": "reassign"},
    ]
    plans = make_plans(SlaPolicy(name="x", targets={"resolution": 600}, warn_at_percent=0, escalations=steps))
    assert set(plans) == {"resolution"}
    plan = plans["resolution"]
    assert (plan.target, plan.warn_at_percent, plan.calendar) == (timedelta(minutes=10), None, None)
    assert [step.key for step in plan.steps] == ["notify_assignee-60", "notify_manager+60", "notify_manager+60.2"]


def test_nothing_is_promised_without_a_policy_or_a_target(make: Make) -> None:
    assert plans_for(None, "resolution") == []
    SlaPolicy.objects.update(active=False)
    ticket = make.ticket()
    assert ticket.policy is None
    assert not Clock.objects.of(ticket).exists()


WRONG = [
    ({"name": " "}, "name"),
    ({"conditions": {"weather": "rain"}}, "conditions.weather"),
    ({"conditions": {"kind": []}}, "conditions.kind"),
    ({"conditions": {"kind": "spam"}}, "conditions.kind"),
    ({"conditions": {"shop": "nowhere"}}, "conditions.shop"),
    ({"conditions": {"team": ["Nobody"]}}, "conditions.team"),
    ({"conditions": {"tag": [7]}}, "conditions.tag"),
    ({"targets": {}}, "targets"),
    ({"targets": {"first_response": 0}}, "targets.first_response"),
    ({"targets": {"first_response": True}}, "targets.first_response"),
    ({"targets": {"happiness": 5}}, "targets.happiness"),
    ({"warn_at_percent": 100}, "warn_at_percent"),
    ({"pauses": {"solved": []}}, "pauses.solved"),
    ({"pauses": {"pending": ["happiness"]}}, "pauses.pending"),
    ({"escalations": [{"metric": "resolution", "action": "reassign"}]}, "escalations.0.offset_seconds"),
    ({"escalations": [{"metric": "resolution", "offset_seconds": 0, "action": "shout"}]}, "escalations.0.action"),
    (
        {"escalations": [{"metric": "resolution", "offset_seconds": 0, "action": "message_customer", "params": {}}]},
        "escalations.0.params.text",
    ),
    (
        {"escalations": [{"metric": "resolution", "offset_seconds": 0, "action": "reassign", "params": {"to": "me"}}]},
        "escalations.0.params.to",
    ),
    (
        {
            "escalations": [
                {"metric": "resolution", "offset_seconds": 0, "action": "raise_priority", "params": {"to": "top"}}
            ]
        },
        "escalations.0.params.to",
    ),
]


@pytest.mark.parametrize(("facts", "field"), WRONG)
def test_what_makes_no_sense_is_refused_by_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        create_policy(replace(PolicyDraft("x"), **facts), by=SYSTEM)
    assert [error.field for error in refusal.value.errors] == [field]


def test_only_who_may_edits_policies(make: Make, alice: User, bob: User) -> None:
    with pytest.raises(NotAllowed):
        create_policy(PolicyDraft("x"), by=Actor.staff(alice))
    made = create_policy(PolicyDraft("x"), by=Actor.staff(bob))
    with pytest.raises(NotAllowed):
        edit_policy(made, PolicyDraft("y"), by=Actor.staff(alice))
    assert make.told(made) == ["sla_policy.created"]


def test_an_edit_tells_what_changed_and_raises_the_version(make: Make) -> None:
    made = policy("x")
    edited = edit_policy(made, replace(PolicyDraft.of(made), warn_at_percent=50, name="Secret"), by=SYSTEM)
    assert edited.version == 2
    changes = make.last(made, "sla_policy.edited").changes
    assert changes["fields"]["warn_at_percent"] == {"from": 70, "to": 50}
    assert "Secret" not in str(changes)
    edit_policy(made, PolicyDraft.of(edited), by=SYSTEM)
    assert make.told(made) == ["sla_policy.created", "sla_policy.edited"]


def test_an_edit_recomputes_the_open_clocks_it_governs(make: Make) -> None:
    with time_machine.travel(now(), tick=False) as time:
        ticket, solved = make.ticket(), make.ticket("solved")
        other = policy("other", conditions={"kind": "return"})
        elsewhere = make.ticket(kind="return")
        time.shift(60)
        default = SlaPolicy.objects.get(name="Default")
        edit_policy(
            default, replace(PolicyDraft.of(default), targets={"first_response": 300, "resolution": 600}), by=SYSTEM
        )
        make.settle_down()
        due = {clock.metric: clock.due_at - clock.started_at for clock in Clock.objects.of(ticket) if clock.due_at}
        assert due == {"first_response": timedelta(seconds=300), "resolution": timedelta(seconds=600)}
        assert Ticket.objects.get(pk=ticket.pk).next_due_at == ticket.created_at + timedelta(seconds=300)
        assert Clock.objects.of(solved).get(metric="resolution").target == timedelta(days=1)
        assert Clock.objects.of(elsewhere).get(metric="resolution").target == timedelta(days=1)
        assert other.pk != default.pk


# ------------------------------------------------------------------------------------------------ the REST door


@pytest.fixture
def api(db: None) -> Client:
    key = issue_api_key(integration="Tests", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM)
    return Client(headers={"authorization": f"Bearer {key.fresh_secret}"})


def test_policies_are_listed_made_and_changed_over_rest(api: Client) -> None:
    listed = api.get("/api/v1/sla-policies/").json()["results"]
    assert [one["targets"] for one in listed] == [{"first_response": 600, "next_response": 3600, "resolution": 86_400}]
    body = {
        "name": "Three seconds",
        "conditions": {"priority": "urgent", "tag": ["618", "vip"]},
        "calendar": None,
        "targets": {"first_response": 3},
        "warn_at_percent": 50,
        "position": 5,
        "active": True,
        "pauses": {"pending": [], "on_hold": ["first_response"]},
        "escalations": [{"metric": "first_response", "offset_seconds": 0, "action": "notify_manager", "params": {}}],
    }
    made = api.post("/api/v1/sla-policies/", body, content_type="application/json")
    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in body} == body
    address = f"/api/v1/sla-policies/{shown['id']}/"
    changed = api.patch(address, {"targets": {"first_response": 4}}, content_type="application/json")
    assert changed.status_code == 200
    assert changed.json()["targets"] == {"first_response": 4}
    assert changed.json()["name"] == "Three seconds"
    stale = api.patch(address, {"name": "x"}, content_type="application/json", headers={"if-match": made["ETag"]})
    assert stale.status_code == 412


def test_an_edit_says_how_far_the_recomputation_of_its_clocks_is(make: Make, api: Client) -> None:
    make.ticket()
    address = f"/api/v1/sla-policies/{SlaPolicy.objects.get().pk}/"
    assert api.get(address).json()["recompute"] is None
    changed = api.patch(address, {"targets": {"first_response": 60}}, content_type="application/json").json()
    assert (changed["recompute"]["total"], changed["recompute"]["done"]) == (2, 0)
    make.settle_down()
    assert api.get(address).json()["recompute"]["percent"] == 100


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"targets": {"first_response": 3}}, "name"),
        ({"name": "x", "conditions": {"weather": "rain"}}, "conditions.weather"),
        ({"name": "x", "calendar": "01a20426-af0d-7223-87d2-5532bfb6802e"}, "calendar"),
        ({"name": "x", "targets": {"first_response": "x"}}, "targets.first_response"),
        (
            {"name": "x", "escalations": [{"metric": "resolution", "offset_seconds": 0, "action": "shout"}]},
            "escalations.0.action",
        ),
    ],
)
def test_a_wrong_policy_is_a_422_that_names_the_field(api: Client, body: dict[str, Any], field: str) -> None:
    answer = api.post("/api/v1/sla-policies/", body, content_type="application/json")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
