"""What the ground itself listens to and clears away. Imported once the apps are loaded."""

from servicedesk.accounts import mails, sealing
from servicedesk.housekeeping import housekeeper
from servicedesk.notices import digests
from servicedesk.notices import housekeeping as notices_housekeeping
from servicedesk.rest.idempotency import forget_old_answers
from servicedesk.webhooks import reactions as webhook_reactions

__all__ = ["digests", "mails", "notices_housekeeping", "sealing", "webhook_reactions"]

housekeeper(forget_old_answers)
