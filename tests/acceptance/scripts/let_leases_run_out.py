"""What a killed process had in hand is due now, as it would be a minute or two later."""

import json
import sys

import django


def main() -> None:
    django.setup()
    from servicedesk.clock import now
    from servicedesk.models import OutgoingMail, WebhookDelivery
    from servicedesk.models.mail import MailState

    moment = now()
    held = WebhookDelivery.objects.filter(status=WebhookDelivery.Status.PENDING, holder__isnull=False)
    sending = OutgoingMail.objects.filter(state=MailState.SENDING)
    freed = {"webhooks": held.update(next_try_at=moment), "mails": sending.update(next_try_at=moment)}
    json.dump(freed, sys.stdout)


if __name__ == "__main__":
    main()
