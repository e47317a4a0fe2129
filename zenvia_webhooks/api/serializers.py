"""What the API shows of each model: what is named here, and no more. Times are in UTC."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from zenvia_webhooks.contracts.values import Interaction, Lead, Quote
from zenvia_webhooks.dispatch.frames import without_code
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.people.masking import hide, mask, masked, may_see
from zenvia_webhooks.redaction import redact_tokens


class Moment(serializers.DateTimeField):
    """A time in ISO 8601 and UTC."""

    def __init__(self, **options: Any) -> None:
        # The format is DRF's setting, and the zone is the host's, unless they are named.
        super().__init__(format="iso-8601", default_timezone=UTC, **options)


class RedactedField(serializers.CharField):
    """A text without the tokens that may be in it."""

    def to_representation(self, value: Any) -> str:
        return redact_tokens(super().to_representation(value))


class PersonalText(RedactedField):
    """A text that may tell of a person: hidden from whoever may not see what is in events."""

    def to_representation(self, value: Any) -> str:
        text = super().to_representation(value)
        return text if may_see(self.context["request"]) else hide(text)


class TracebackField(RedactedField):
    """Where a receiver broke; without the lines of code for whoever may not see what is in events."""

    def to_representation(self, value: Any) -> str:
        text = super().to_representation(value)
        return text if may_see(self.context["request"]) else without_code(text)


class Summary(serializers.CharField):
    """Name and number of a person, masked where that must be."""

    def to_representation(self, value: Any) -> str:
        text = super().to_representation(value)
        return text if may_see(self.context["request"]) else mask(text)


class ResultField(serializers.CharField):
    """The object that a receiver returned; where people are hidden, its model alone, as its key may be a number."""

    def to_representation(self, value: Any) -> str:
        text = super().to_representation(value)
        return text if may_see(self.context["request"]) else text.partition(":")[0]


class PayloadField(serializers.JSONField):
    """A payload; null where it must not be seen."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value) if may_see(self.context["request"]) else None


class PersonalValue(serializers.Serializer[Any]):
    """A value of an event's, masked where it must be."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value if may_see(self.context["request"]) else masked(value))


class StatusField(serializers.ChoiceField):
    """One of the words that a model knows."""


class Amount(serializers.DecimalField):
    """An amount as text, however many digits it has."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, coerce_to_string=True, **options)


SIMPLE: dict[Any, Any] = {str: serializers.CharField, int: serializers.IntegerField, datetime: Moment, Decimal: Amount}


def value_of(hint: Any, base: type[serializers.Serializer[Any]] = serializers.Serializer, **options: Any) -> Any:
    """Return the field for a type hint of a value: text, number, time, amount, dataclass, several of one, or None.

    `base` is what the field of a dataclass is made from, though not those within it.
    """
    if get_origin(hint) is UnionType:
        return value_of(get_args(hint)[0], base, allow_null=True, **options)
    if get_origin(hint) is tuple:
        return serializers.ListField(child=value_of(get_args(hint)[0]), **options)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        fields = {name: value_of(inner) for name, inner in get_type_hints(hint).items()}
        serializer: Any = type(f"{hint.__name__}Serializer", (base,), fields)
        return serializer(**options)
    return SIMPLE.get(hint, serializers.JSONField)(**options)


class RowSerializer(serializers.ModelSerializer[Any]):
    serializer_choice_field = StatusField
    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.BigAutoField: serializers.IntegerField,
        models.DateTimeField: Moment,
        models.TextField: RedactedField,
    }


class SubscriptionSerializer(RowSerializer):
    topics = serializers.ListField(child=serializers.CharField(), read_only=True)
    registered_url = RedactedField(read_only=True)

    class Meta:
        model = Subscription
        fields = read_only_fields = (
            *("id", "account", "topics", "status", "remote_id", "registered_url", "last_error", "absent_since"),
            *("last_synced_at", "last_event_at", "created_at", "updated_at"),
        )


class DeliverySerializer(RowSerializer):
    error = PersonalText(read_only=True)
    traceback = TracebackField(read_only=True)
    result = ResultField(read_only=True)

    class Meta:
        model = Delivery
        fields = read_only_fields = (
            *("id", "event", "receiver", "status", "attempts", "next_attempt_at", "finished_at", "duration_ms"),
            *("error", "traceback", "result"),
        )


class EventSerializer(RowSerializer):
    """What a list shows: nothing of the payload but the summary."""

    summary = Summary(read_only=True)

    class Meta:
        model = Event
        fields: tuple[str, ...] = (
            *("id", "topic", "status", "account", "subscription", "occurred_at", "received_at", "finished_at"),
            *("duplicates", "summary"),
        )
        read_only_fields = fields


class EventDetailSerializer(RowSerializer):
    """One event, what can be read in its payload, and how its receivers fared."""

    summary = Summary(read_only=True)
    error = PersonalText(read_only=True)
    payload = PayloadField(read_only=True)
    lead = value_of(Lead | None, PersonalValue, read_only=True)
    quote = value_of(Quote | None, PersonalValue, read_only=True)
    interaction = value_of(Interaction | None, PersonalValue, read_only=True)
    deliveries = DeliverySerializer(many=True, read_only=True)

    class Meta:
        model = Event
        fields = read_only_fields = (
            *EventSerializer.Meta.fields,
            *("contract", "next_attempt_at", "error", "payload", "lead", "quote", "interaction", "deliveries"),
        )


class ReplaySerializer(serializers.Serializer[Any]):
    receivers = serializers.ListField(
        child=serializers.CharField(max_length=255),
        required=False,
        allow_empty=False,
        max_length=1000,
        help_text=_("Names; each runs again. By default, those that have not succeeded."),
    )


class ReplayedSerializer(serializers.Serializer[Any]):
    receivers = serializers.ListField(child=serializers.CharField())
