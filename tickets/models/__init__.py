"""The tables of conversations, one file per noun."""

from tickets.models.drafts import Draft
from tickets.models.mail import InboundMail
from tickets.models.mentions import Mention
from tickets.models.messages import Attachment, Author, Delivery, Message, Visibility
from tickets.models.search import SearchDocument
from tickets.models.sla import Metric, SlaPolicy
from tickets.models.tickets import Channel, Kind, Merge, Priority, Status, Tag, Ticket, TicketLink, TransferReason
from tickets.models.tools import Macro, SavedView
from tickets.models.wording import WordList

__all__ = [
    "Attachment",
    "Author",
    "Channel",
    "Delivery",
    "Draft",
    "InboundMail",
    "Kind",
    "Macro",
    "Mention",
    "Merge",
    "Message",
    "Metric",
    "Priority",
    "SavedView",
    "SearchDocument",
    "SlaPolicy",
    "Status",
    "Tag",
    "Ticket",
    "TicketLink",
    "TransferReason",
    "Visibility",
    "WordList",
]
