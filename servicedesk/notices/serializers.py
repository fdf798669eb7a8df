"""What goes in and out of the doors of notices."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from servicedesk.events_api import SubjectOut
from servicedesk.models import Digest, Notice
from servicedesk.rest.fields import Words
from servicedesk.rest.serializers import Shown, Strict

MOST_KINDS = 200


class NoticeOut(Shown):
    """News for one person: what happened in their language, and what it is about."""

    event = serializers.UUIDField(source="event_id")
    text = serializers.CharField()
    subject = serializers.SerializerMethodField()
    address = serializers.CharField(help_text="Where it is shown, as a path on this site.")

    class Meta:
        model = Notice
        fields = ("id", "kind", "text", "event", "subject", "address", "browser", "sound", "created_at", "read_at")

    @extend_schema_field(SubjectOut)
    def get_subject(self, notice: Notice) -> Any:
        number = notice.subject_number or None
        return SubjectOut({"type": notice.subject_type, "id": notice.subject_id, "number": number}).data


class NoticeFilters(Strict):
    unread = serializers.BooleanField(required=False, help_text="true: only those not read; false: only those read.")


class ReadOut(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread.")


class ChannelsOut(serializers.Serializer[Any]):
    """By which ways one kind is heard of."""

    kind = serializers.CharField(source="kind.code")
    title = serializers.CharField(source="kind.label")
    desk = serializers.BooleanField(source="channels.desk")
    browser = serializers.BooleanField(source="channels.browser")
    sound = serializers.BooleanField(source="channels.sound")
    digest = serializers.ChoiceField(Digest.choices, source="channels.digest")


class PreferencesOut(serializers.Serializer[Any]):
    """One's own preferences, a line for every kind one can be told of."""

    choices = ChannelsOut(many=True)


class ChannelsIn(Strict):
    """What is left out stays as it is. Browser and sound announce what comes to the bell (`desk`), nothing else."""

    kind = Words(max_length=64)
    desk = serializers.BooleanField(required=False)
    browser = serializers.BooleanField(required=False)
    sound = serializers.BooleanField(required=False)
    digest = serializers.ChoiceField(Digest.choices, required=False)


class PreferencesIn(Strict):
    choices = serializers.ListField(child=ChannelsIn(), max_length=MOST_KINDS)
