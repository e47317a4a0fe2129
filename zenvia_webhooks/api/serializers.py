"""What the API shows of each model: what is named here, and no more. Times are in UTC."""

from __future__ import annotations

import dataclasses
from typing import Any

from rest_framework import serializers

from zenvia_webhooks.api.parameters import Moment
from zenvia_webhooks.contracts.base import Interaction, Lead, Quote
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.redaction import redact_tokens


class Masked(serializers.CharField):
    """A text without the tokens that may be in it."""

    def to_representation(self, value: Any) -> str:
        return redact_tokens(super().to_representation(value))


class Value(serializers.Field[Any, Any, dict[str, Any] | None, Lead | Quote | Interaction | None]):
    """One of the values that an event has of its payload; null where it is about none."""

    def to_representation(self, value: Lead | Quote | Interaction | None) -> dict[str, Any] | None:
        return None if value is None else dataclasses.asdict(value)


class SubscriptionSerializer(serializers.Serializer[Subscription]):
    id = serializers.IntegerField()
    account = serializers.CharField()
    topics = serializers.JSONField()
    status = serializers.CharField()
    remote_id = serializers.CharField()
    #: The callback URL that Zenvia was told.
    registered_url = Masked()
    last_error = Masked()
    absent_since = Moment()
    last_synced_at = Moment()
    last_event_at = Moment()
    created_at = Moment()
    updated_at = Moment()


class DeliverySerializer(serializers.Serializer[Delivery]):
    id = serializers.IntegerField()
    event = serializers.IntegerField(source="event_id")
    receiver = serializers.CharField()
    status = serializers.CharField()
    attempts = serializers.IntegerField()
    next_attempt_at = Moment()
    finished_at = Moment()
    duration_ms = serializers.IntegerField()
    error = Masked()
    result = serializers.CharField()


class EventSerializer(serializers.Serializer[Event]):
    """What a list shows: nothing of the payload."""

    id = serializers.IntegerField()
    topic = serializers.CharField()
    status = serializers.CharField()
    account = serializers.CharField()
    subscription = serializers.IntegerField(source="subscription_id")
    occurred_at = Moment()
    received_at = Moment()
    finished_at = Moment()
    duplicates = serializers.IntegerField()


class EventDetailSerializer(EventSerializer):
    contract = serializers.CharField()
    next_attempt_at = Moment()
    #: Why it is quarantined.
    error = serializers.CharField()
    payload = serializers.JSONField()
    lead = Value()
    quote = Value()
    interaction = Value()
    deliveries = DeliverySerializer(many=True)


class ReplaySerializer(serializers.Serializer[Any]):
    """The body of a replay."""

    #: Names; by default, those that `Event.replay` chooses.
    receivers = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, allow_empty=False, max_length=1000
    )
