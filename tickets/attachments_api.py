"""Files by REST: uploaded ahead of their message, downloaded by who sees it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.rest.endpoints import Endpoint
from servicedesk.rest.serializers import Strict
from servicedesk.rest.views import DeskView
from tickets.attachments import keep_upload, upload_ahead
from tickets.models import Ticket
from tickets.serializers import AttachmentOut
from tickets.views.files import as_download, attachment_for

# The file and the lines of a multipart body around it.
ENVELOPE = 64 * 1024


class UploadIn(Strict):
    file = serializers.FileField(max_length=200, help_text="At most 25 MB, of a kind this desk takes.")


class UploadView(DeskView):
    """POST a file for a message of this ticket; name its id in the message. Unclaimed after a day it is removed."""

    max_body_bytes = settings.ATTACHMENT_MAX_BYTES + ENVELOPE
    parser_classes = (MultiPartParser,)
    endpoints: ClassVar = {
        "post": Endpoint(
            "create",
            UploadIn,
            AttachmentOut,
            status=201,
            on_row=False,
            consumes=("multipart/form-data",),
            description="A file for a message still to be written: name its id in the message's `attachments`.",
        )
    }

    def post(self, request: Request, pk: uuid.UUID) -> Response | HttpResponse:
        ticket = Ticket.objects.visible_to(self.actor).select_related("customer").one(pk=pk)
        self.actor.must("tickets.note", ticket)
        upload = self.parse(UploadIn)["file"]

        def act() -> Response:
            row = upload_ahead(keep_upload(upload), ticket.customer)
            return Response(AttachmentOut(row).data, status=201)

        return self.through_the_door(act)


class DownloadView(DeskView):
    """GET the content, as a download under its own name."""

    endpoints: ClassVar = {"get": Endpoint("download", on_row=False, description="The file's content.")}

    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        self.actor.must("tickets.read")
        return as_download(attachment_for(pk, self.actor))
