"""Configuration in Django's admin: every page opens, and what is saved goes through the actions."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from servicedesk.models import Event, Shop, User
from tests.make import Make
from tickets.models import Macro, SlaPolicy, Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def admins(make: Make) -> Client:
    client = Client()
    client.force_login(make.user(User.Role.ADMIN, is_demo=True))
    return client


@pytest.mark.parametrize("model", ["slapolicy", "macro", "tag", "savedview"])
def test_the_lists_and_forms_of_tickets_open(admins: Client, model: str) -> None:
    assert admins.get(reverse(f"admin:tickets_{model}_changelist")).status_code == 200
    assert admins.get(reverse(f"admin:tickets_{model}_add")).status_code == 200


@pytest.mark.parametrize("model", ["shop", "team", "user", "shift"])
def test_the_lists_and_forms_of_the_ground_open(admins: Client, model: str) -> None:
    assert admins.get(reverse(f"admin:servicedesk_{model}_changelist")).status_code == 200
    assert admins.get(reverse(f"admin:servicedesk_{model}_add")).status_code == 200


def test_only_configuration_is_here() -> None:
    edited = {model._meta.label for model in admin.site._registry}
    assert not edited & {"tickets.Ticket", "tickets.Message", "customers.Customer", "servicedesk.Event", "clocks.Clock"}
    assert not edited & {"usersessions.UserSession", "account.EmailAddress", "auth.Group"}


def test_a_lost_second_factor_is_taken_off_and_its_seed_never_shown(admins: Client, alice: User) -> None:
    seed = generate_totp_secret()
    factor = TOTP.activate(alice, seed).instance
    page = reverse("admin:mfa_authenticator_change", args=[factor.pk])
    shown = admins.get(page).content.decode()
    assert (seed in shown, factor.data["secret"] in shown, 'name="data"' in shown) == (False, False, False)
    assert admins.get(reverse("admin:mfa_authenticator_add")).status_code == 403
    admins.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    assert not Authenticator.objects.exists()
    assert Event.objects.filter(kind="user.second_factor_removed", subject_id=alice.pk).count() == 1


def test_nobody_else_comes_in(make: Make) -> None:
    client = Client()
    client.force_login(make.user(User.Role.MANAGER, is_demo=True))
    assert client.get(reverse("admin:index")).status_code in {302, 403}


POLICY: dict[str, Any] = {
    "name": "Ours", "conditions": '{"kind": "return"}', "targets": '{"first_response": 60}', "warn_at_percent": 50,
    "position": 3, "active": "on", "pauses": '{"pending": []}', "escalations": "[]", "calendar": "",
}  # fmt: skip


def test_a_policy_is_made_and_edited_through_the_actions(admins: Client) -> None:
    admins.post(reverse("admin:tickets_slapolicy_add"), POLICY)
    made = SlaPolicy.objects.get(name="Ours")
    assert Event.objects.filter(subject_id=made.pk, kind="sla_policy.created", by_type="staff").exists()
    admins.post(reverse("admin:tickets_slapolicy_change", args=[made.pk]), {**POLICY, "warn_at_percent": 60})
    made.refresh_from_db()
    assert (made.warn_at_percent, made.version) == (60, 2)
    refused = admins.post(reverse("admin:tickets_slapolicy_add"), {**POLICY, "name": "x", "targets": '{"joy": 1}'})
    assert b"joy" in refused.content
    assert not SlaPolicy.objects.filter(name="x").exists()


def test_a_macro_is_made_through_the_actions(admins: Client) -> None:
    body = {
        "name": "Hello",
        "texts": '{"en": "Hi {{customer_name}}"}',
        "actions": "[]",
        "is_active": "on",
        "position": 0,
    }
    admins.post(reverse("admin:tickets_macro_add"), body)
    assert Event.objects.filter(subject_id=Macro.objects.get().pk, kind="macro.created").exists()
    refused = admins.post(reverse("admin:tickets_macro_add"), {**body, "texts": '{"en": "{{nickname}}"}'})
    assert b"nickname" in refused.content


def test_people_are_made_and_told(admins: Client) -> None:
    person = {
        "email": "new@desk.example", "name": "New Person", "role": "agent", "usable_password": "true",
        "password1": "correct horse battery 7", "password2": "correct horse battery 7",
        "skills-TOTAL_FORMS": 0, "skills-INITIAL_FORMS": 0,
    }  # fmt: skip
    admins.post(reverse("admin:servicedesk_user_add"), person)
    made = User.objects.get(email="new@desk.example")
    assert made.check_password("correct horse battery 7")
    event = Event.objects.get(subject_id=made.pk, kind="user.created")
    assert "New Person" not in str(event.changes)
    assert admins.get(reverse("admin:servicedesk_user_change", args=[made.pk])).status_code == 200


def test_a_shop_is_never_deleted_and_keeps_its_code(admins: Client) -> None:
    shop = Shop.objects.get(code="main")
    assert admins.post(reverse("admin:servicedesk_shop_delete", args=[shop.pk]), {"post": "yes"}).status_code == 403
    page = admins.get(reverse("admin:servicedesk_shop_change", args=[shop.pk]))
    assert b'name="code"' not in page.content


def test_a_person_changed_here_is_offered_what_waits(admins: Client, make: Make) -> None:
    agent = make.user(present=True, capacity=0)
    ticket = make.ticket(kind="return", language="zh-hans")
    make.settle_down()
    form = {
        "email": agent.email, "name": agent.name, "role": agent.role, "is_active": "on", "capacity": "5", "speaks": '["zh-CN"]',
        "sees_every_shop": "on", "skills-TOTAL_FORMS": "1", "skills-INITIAL_FORMS": "0", "skills-0-kind": "return",
        "skills-0-category": "", "skills-0-level": "3",
    }  # fmt: skip
    answer = admins.post(reverse("admin:servicedesk_user_change", args=[agent.pk]), form)
    assert answer.status_code == 302, answer.context["errors"]
    assert User.objects.get(pk=agent.pk).speaks == ["zh-hans"]
    make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).assignee_id == agent.pk
