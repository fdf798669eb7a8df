"""Who may do what: one table role × permission, one table scope × permission. The docs print the first."""

from typing import Final

READ: Final = frozenset({"tickets.read", "customers.read", "events.read", "sla.read", "people.read", "notices.read"})
WORK: Final = READ | {
    "tickets.open",
    "tickets.reply",
    "tickets.note",
    "tickets.edit",
    "tickets.assign",
    "tickets.hold",
    "tickets.snooze",
    "tickets.solve",
    "tickets.reopen",
    "tickets.merge",
    "tickets.link",
    "customers.write",
    "customers.reveal",
}
LEAD: Final = WORK | {
    "tickets.close",
    "tickets.oversee",
    "tickets.release",
    "sla.edit",
    "macros.edit",
    "people.edit",
    "operations.read",
    "operations.retry",
    "audit.read",
    "webhooks.read",
    "webhooks.resend",
    "qa.review",
}
EVERYTHING: Final = LEAD | {"webhooks.write", "keys.write", "shops.edit", "tickets.import", "mail.receive", "export"}

ROLE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "agent": WORK,
    # A trainee works like an agent; what they send to a customer waits for a mentor's release (tickets.reply asks).
    "trainee": WORK - {"tickets.merge", "customers.reveal"},
    "manager": LEAD,
    "reviewer": READ | {"qa.review"},
    "auditor": READ | {"audit.read", "operations.read"},
    "admin": EVERYTHING,
}

SCOPE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "tickets:read": frozenset({"tickets.read"}),
    # Notices are people's.
    "tickets:write": WORK - {"customers.reveal", "customers.write", "notices.read"} | {"tickets.close"},
    "tickets:import": frozenset({"tickets.import"}),
    "customers:read": frozenset({"customers.read"}),
    "customers:write": frozenset({"customers.read", "customers.write"}),
    "customers:reveal": frozenset({"customers.read", "customers.reveal"}),
    "customers:export": frozenset({"customers.read", "export"}),
    "orders:read": frozenset({"orders.read"}),
    "orders:write": frozenset({"orders.read", "orders.write"}),
    "sla:read": frozenset({"sla.read"}),
    "sla:write": frozenset({"sla.read", "sla.edit"}),
    "macros:write": frozenset({"tickets.read", "macros.edit"}),
    "events:read": frozenset({"events.read"}),
    "webhooks:read": frozenset({"webhooks.read"}),
    "webhooks:write": frozenset({"webhooks.read", "webhooks.resend", "webhooks.write"}),
    "mail:receive": frozenset({"mail.receive"}),
}

# What a customer may do with what is their own.
CUSTOMER_PERMISSIONS: Final = frozenset({"tickets.read", "tickets.open", "tickets.answer"})


def permissions_of_scopes(scopes: list[str]) -> frozenset[str]:
    """The union of what the scopes allow; an unknown scope allows nothing."""
    return frozenset().union(*(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes))
