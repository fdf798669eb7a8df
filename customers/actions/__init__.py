"""What can be done with a customer's record."""

from customers.actions.contacts import add_contact_point, correct_contact
from customers.actions.matching import find_or_create_customer
from customers.actions.records import create_customer, tag_customer, update_customer
from customers.actions.reveals import reveal_contacts

__all__ = [
    "add_contact_point",
    "correct_contact",
    "create_customer",
    "find_or_create_customer",
    "reveal_contacts",
    "tag_customer",
    "update_customer",
]
