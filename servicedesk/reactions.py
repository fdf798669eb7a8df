"""What the ground itself listens to and clears away. Imported once the apps are loaded."""

from servicedesk.accounts import mails, sealing
from servicedesk.housekeeping import housekeeper
from servicedesk.rest.idempotency import forget_old_answers
from servicedesk.webhooks import reactions as webhook_reactions

__all__ = ["mails", "sealing", "webhook_reactions"]

housekeeper(forget_old_answers)
