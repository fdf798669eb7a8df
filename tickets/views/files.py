"""Attachments: decrypted as they are sent, only to those who see their ticket, and never shown inside the desk."""

import uuid
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from customers.files import stream_decrypted
from servicedesk.actor import Actor
from servicedesk.errors import NotFound
from servicedesk.pages.requests import StaffRequest
from tickets.models import Attachment, Message, Ticket


def attachment_for(pk: uuid.UUID, actor: Actor) -> Attachment:
    """The file, if this actor sees the message it belongs to. Raises NotFound otherwise."""
    file = Attachment.objects.select_related("customer", "message").filter(pk=pk, message__isnull=False).first()
    if file is None or file.message is None:
        raise NotFound
    sees_message = Message.objects.visible_to(actor).filter(pk=file.message.pk).exists()
    if not sees_message or not Ticket.objects.visible_to(actor).filter(pk=file.message.ticket_id).exists():
        raise NotFound
    return file


def as_download(file: Attachment) -> StreamingHttpResponse:
    """As an attachment under its own name, whatever it is: no browser is to run a customer's file in our origin."""
    response = StreamingHttpResponse(stream_decrypted(file.path, file.file_key), content_type=file.content_type)
    response["Content-Length"] = str(file.size)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(str(file.name))}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
def download(request: StaffRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    return as_download(attachment_for(pk, request.actor))
