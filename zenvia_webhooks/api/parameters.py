"""The query parameters of each list. What is not named here, or has an odd value, is answered 400."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, QuerySet
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from zenvia_webhooks.models import Delivery, Event, Subscription

MAX_PAGE_SIZE = 1000
MAX_ID = 2**63 - 1

#: The resolution of a moment on every database, and how times are compared here: `received_at__gt=moment - MICROSECOND`
#: is "at that moment or later", `__lte` of the same is "earlier". SQLite compares texts, and holds "30.120" where
#: Django asks for "30.120000": by plain comparison, what is exactly `moment` would be earlier.
MICROSECOND = timedelta(microseconds=1)


class Moment(serializers.DateTimeField):
    """A time in ISO 8601, UTC where it names no zone; shown in UTC."""

    def __init__(self, **options: Any) -> None:
        # Formats are DRF's settings, and the zone is the host's, unless they are named.
        super().__init__(format="iso-8601", input_formats=["iso-8601"], default_timezone=UTC, **options)


def moment_in_reach() -> Moment:
    """Return a field for times that every database takes, a little earlier and a little later too."""
    # The other end of what Python knows is not within reach of every zone, nor of every database.
    limits = (MinValueValidator(datetime(1970, 1, 1, tzinfo=UTC)), MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC)))
    return Moment(required=False, validators=limits)


class Choice(serializers.ChoiceField):
    """One of the given words; a refusal names them."""

    def __init__(self, choices: Sequence[str], **options: Any) -> None:
        refusal = "Not {input}, but one of: " + ", ".join(choices) + "."
        super().__init__(choices, error_messages={"invalid_choice": refusal}, **options)


class Parameters(serializers.Serializer[Any]):
    """What every list takes."""

    #: Parameter → the lookup that it stands for.
    LOOKUPS: ClassVar[dict[str, str]] = {}

    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=100)
    #: Checked by the pagination, which made it.
    cursor = serializers.CharField(required=False)

    @classmethod
    def read(cls, query: QueryDict) -> dict[str, Any]:
        """Return the values of a query string. Raises ValidationError."""
        parameters = cls(data=query.dict())
        errors = {
            name: [f"There is no such parameter. There are: {', '.join(parameters.fields)}."]
            for name in query
            if name not in parameters.fields
        }
        errors |= {name: ["Given more than once."] for name, values in query.lists() if len(values) > 1}
        if errors:
            raise ValidationError(errors)
        parameters.is_valid(raise_exception=True)
        values: dict[str, Any] = parameters.validated_data
        return values

    @classmethod
    def narrow(cls, rows: QuerySet[Model], values: dict[str, Any]) -> QuerySet[Model]:
        return rows.filter(**{lookup: values[name] for name, lookup in cls.LOOKUPS.items() if name in values})


class SubscriptionParameters(Parameters):
    LOOKUPS = {"account": "account", "status": "status"}

    account = serializers.CharField(required=False, max_length=100)
    status = Choice(Subscription.Status.values, required=False)


class EventParameters(Parameters):
    LOOKUPS = {"topic": "topic", "status": "status", "account": "account"}

    topic = serializers.CharField(required=False, max_length=100)
    status = Choice(Event.Status.values, required=False)
    account = serializers.CharField(required=False, max_length=100)
    received_after = moment_in_reach()
    received_before = moment_in_reach()
    order = Choice(["newest", "oldest"], default="newest")

    @classmethod
    def narrow(cls, rows: QuerySet[Model], values: dict[str, Any]) -> QuerySet[Model]:
        rows = super().narrow(rows, values)
        if "received_after" in values:
            rows = rows.filter(received_at__gt=values["received_after"] - MICROSECOND)
        if "received_before" in values:
            rows = rows.filter(received_at__lte=values["received_before"] - MICROSECOND)
        return rows


class DeliveryParameters(Parameters):
    LOOKUPS = {"event": "event", "status": "status", "receiver": "receiver"}

    event = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    status = Choice(Delivery.Status.values, required=False)
    receiver = serializers.CharField(required=False, max_length=255)
