"""The schedule's door to outgoing mail."""

from celery import shared_task

from servicedesk.mail.sending import send_due


@shared_task(name="servicedesk.mail.tasks.send_mail", ignore_result=True)
def send_mail() -> None:
    """Send what is due."""
    send_due()
