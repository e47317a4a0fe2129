"""The query parameters of each list. What is not named here, or has an odd value, is answered 400."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import F, Min, QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings

from zenvia_webhooks.api.pagination import MAX_ID
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.models.clock import from_now
from zenvia_webhooks.models.delivery import DeliveryQuerySet

#: The order "oldest" leaves out what is younger, in seconds. An event has its id and time from its insert and can be
#: seen from its commit on: a page that is read between the two would go past it, and nobody would come back for it.
SETTLING_SECONDS = 10


class Parameters(django_filters.DjangoFilterBackend):
    """Filters a list, and refuses unknown, empty and repeated parameters."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        if view.action != "list":
            return queryset
        names = [*view.filterset_class.base_filters, "page_size", "cursor"]
        errors = {}
        for name, values in request.query_params.lists():
            if name not in (*names, api_settings.URL_FORMAT_OVERRIDE):
                errors[name] = [_("There is no such parameter. There are: %(names)s.") % {"names": ", ".join(names)}]
            elif len(values) > 1 or not values[0]:
                errors[name] = [_("Give one value.")]
        if errors:
            raise ValidationError(errors)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

    def to_html(self, request: Request, queryset: QuerySet[Any], view: Any) -> str:
        """Return no form for DRF's pages: it would send empty parameters."""
        return ""


class MomentField(forms.DateTimeField):
    """A time in ISO 8601, UTC where it names no zone, and in reach of every database."""

    # No formats besides: they would be those of the host's locale.
    input_formats = ()
    default_validators = [
        MinValueValidator(datetime(1970, 1, 1, tzinfo=UTC)),
        MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC)),
    ]

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(UTC):
            return super().to_python(value)


class MomentFilter(django_filters.IsoDateTimeFilter):
    field_class = MomentField


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": MAX_ID})
class IdFilter(django_filters.Filter):
    field_class = forms.IntegerField


def text(max_length: int, **options: Any) -> Any:
    # "exact": the default is a setting of django-filter's.
    return django_filters.CharFilter(lookup_expr="exact", max_length=max_length, **options)


def choice(choices: list[tuple[str, Any]], **options: Any) -> Any:
    """Return a filter for one of the given words, whose refusal names them."""
    text = format_lazy(
        gettext_lazy("Not {value}, but one of: {words}."), value="%(value)s", words=", ".join(dict(choices))
    )
    refusal = {"invalid_choice": text}
    return django_filters.ChoiceFilter(lookup_expr="exact", choices=choices, error_messages=refusal, **options)


ORDERS = [("newest", gettext_lazy("Highest id first")), ("oldest", gettext_lazy("Lowest id first"))]


class SubscriptionFilters(django_filters.FilterSet):
    account = text(100)
    status = choice(Subscription.Status.choices)


# What no index finds is not offered: where it is rare, looking for it would read the table.
class DeliveryFilters(django_filters.FilterSet):
    event = IdFilter(lookup_expr="exact", min_value=1, max_value=MAX_ID)
    status = choice([one for one in Delivery.Status.choices if one[0] != Delivery.Status.SUCCEEDED], method="in_status")

    def in_status(self, deliveries: QuerySet[Delivery], name: str, status: str) -> QuerySet[Delivery]:
        return cast(DeliveryQuerySet, deliveries).of_status(status)


class EventFilters(django_filters.FilterSet):
    topic = text(100, method="of_topic")
    status = choice([one for one in Event.Status.choices if one[0] != Event.Status.DISPATCHED], method="in_status")
    received_after = MomentFilter(method="received_since", help_text=gettext_lazy("Received then or later."))
    received_before = MomentFilter(method="received_until", help_text=gettext_lazy("Received earlier."))
    about = django_filters.CharFilter(
        method="about_person",
        max_length=255,
        help_text=gettext_lazy("About a person: a phone number in any notation, an e-mail address, or a lead's id."),
    )
    order = choice(ORDERS, method="in_order")

    def of_topic(self, events: QuerySet[Event], name: str, topic: str) -> QuerySet[Event]:
        return cast(EventQuerySet[Event], events).of_topic(topic)

    def in_status(self, events: QuerySet[Event], name: str, status: str) -> QuerySet[Event]:
        return cast(EventQuerySet[Event], events).of_status(status)

    def received_since(self, events: QuerySet[Event], name: str, moment: datetime) -> QuerySet[Event]:
        return cast(EventQuerySet[Event], events).received_since(moment)

    def received_until(self, events: QuerySet[Event], name: str, moment: datetime) -> QuerySet[Event]:
        return cast(EventQuerySet[Event], events).received_until(moment)

    def about_person(self, events: QuerySet[Event], name: str, text: str) -> QuerySet[Event]:
        return cast(EventQuerySet[Event], events).about(text)

    def in_order(self, events: QuerySet[Event], name: str, order: str) -> QuerySet[Event]:
        if order == "newest":
            return events
        settled = from_now(-SETTLING_SECONDS)
        # `+ 0` has the index of the times used: for a bare MIN(id), PostgreSQL may walk all ids from the lowest on.
        first = (
            Event.objects.using(events.db).filter(received_at__gt=settled).aggregate(id=Min(F("pk") + 0))["id"]
            or MAX_ID
        )
        # Below the first that has not settled: of two that came at once, the one with the lower id may settle last.
        return events.filter(received_at__lte=settled, pk__lt=first).order_by("pk")
