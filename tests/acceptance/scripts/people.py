"""Somebody of each kind for tests of doors: sessions of an agent and a manager, and a key with few scopes."""

import json
import sys

import django


def main() -> None:
    django.setup()
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from django.test import Client

    from servicedesk.actions.keys import issue_api_key
    from servicedesk.actor import SYSTEM
    from servicedesk.models import User

    def session_of(user: User) -> str:
        client = Client()
        client.force_login(user)
        return str(client.cookies["sessionid"].value)

    password = "correct horse battery staple"
    agent = User.objects.create_user("agent@desk.example", password, name="Alice")
    trainee = User.objects.create_user("trainee@desk.example", password, name="Tom", role=User.Role.TRAINEE)
    manager = User.objects.get(email="manager@desk.example")
    TOTP.activate(manager, generate_totp_secret())
    scopes = ["tickets:read", "tickets:write"]
    scoped = issue_api_key(integration="Scoped", scopes=scopes, by=SYSTEM, lasting=None, rate_per_minute=1_000_000)
    made = {
        "agent": agent.email,
        "agent_id": str(agent.pk),
        "password": password,
        "agent_session": session_of(agent),
        "manager_session": session_of(manager),
        "trainee_session": session_of(trainee),
        "scoped_key": scoped.fresh_secret,
    }
    sys.stdout.write(json.dumps(made) + "\n")


main()
