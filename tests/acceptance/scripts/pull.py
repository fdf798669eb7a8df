"""`pull.py fill AGENTS TICKETS`: people and waiting tickets. `pull.py pull N OF`: the N-th process's share of the agents.

Each agent has a thread and takes tickets until there are none; what each got is printed.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django


def fill(agents: int, tickets: int) -> dict[str, Any]:
    from django.db import transaction

    from customers.actions import find_or_create_customer
    from customers.keys import key_scope
    from servicedesk.actor import SYSTEM
    from servicedesk.models import User
    from servicedesk.shops import default_shop
    from tickets.actions.opening import Concern, open_ticket

    User.objects.bulk_create(
        User(email=f"agent{n}@desk.example", name=f"Agent {n}", password="!", capacity=tickets) for n in range(agents)
    )
    with key_scope(), transaction.atomic():
        shop = default_shop()
        customer = find_or_create_customer(shop=shop, name="王小明", phone="13800138000", by=SYSTEM, trusted=True)
        for number in range(tickets):
            open_ticket(Concern(f"{number}", "退款"), shop=shop, customer=customer, by=SYSTEM)
    return {}


def pull(part: int, of: int) -> dict[str, Any]:
    from servicedesk.models import User

    mine = list(User.objects.filter(email__startswith="agent").order_by("email"))[part::of]
    gate = threading.Barrier(len(mine))
    with ThreadPoolExecutor(len(mine)) as pool:
        rounds = list(pool.map(lambda user: _pull_until_empty(user, gate), mine))
    return {
        "taken": [ticket for got, _waits, _none in rounds for ticket in got],
        "agents": sum(bool(got) for got, _waits, _none in rounds),
        "waits": [wait for _got, waits, _none in rounds for wait in waits],
    }


def _pull_until_empty(user: Any, gate: threading.Barrier) -> tuple[list[str], list[float], int]:
    from django.db import connections

    from customers.keys import key_scope
    from servicedesk.actor import Actor
    from tickets.actions.routing import take_next_ticket
    from tickets.models import Ticket

    by, got, waits, empty = Actor.staff(user), [], [], 0
    Ticket.objects.exists()
    gate.wait(120)
    with key_scope():
        while empty < 3:
            began = time.monotonic()
            ticket = take_next_ticket(user, by=by)
            waits.append(time.monotonic() - began)
            if ticket is not None:
                got.append(str(ticket.pk))
            elif Ticket.objects.filter(assignee=None).exists():
                # The tickets it looked at were just being given to others: ask again.
                time.sleep(0.01)
            else:
                empty += 1
    connections.close_all()
    return got, waits, empty


def main(arguments: Sequence[str]) -> None:
    django.setup()
    first, second = int(arguments[1]), int(arguments[2])
    json.dump(fill(first, second) if arguments[0] == "fill" else pull(first, second), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
