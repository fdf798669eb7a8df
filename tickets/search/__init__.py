"""Search over keyed tokens: one document per message and per subject, the newest first.

The tokens live where each database searches best and the ORM doesn't look (`stores.py`). What is kept is neither the
words nor their order: what a query has between quotation marks is compared after decryption. See docs/search.md.
"""

from tickets.search.documents import Indexed, delete_for_customer, index_documents, index_message, index_subject
from tickets.search.finding import Found, find_tickets
from tickets.search.rebuilding import rebuild_search

__all__ = [
    "Found",
    "Indexed",
    "delete_for_customer",
    "find_tickets",
    "index_documents",
    "index_message",
    "index_subject",
    "rebuild_search",
]
