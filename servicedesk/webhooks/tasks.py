"""The schedule's door: nudged when there is something to send, and asked every two seconds."""

from celery import shared_task

from servicedesk.webhooks.sending import send_due, sender


@shared_task(name="servicedesk.webhooks.tasks.send_webhooks", ignore_result=True)
def send_webhooks() -> None:
    """Send what is due."""
    sender().is_at_work = True
    send_due()
