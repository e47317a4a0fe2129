"""The query parameters of each list. What is not named here, or has an odd value, is answered 400."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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

#: The order "oldest" leaves out what is younger, in seconds. An event has its id and time from its insert and can be
#: seen from its commit on: a page that is read between the two would go past it, and nobody would come back for it.
SETTLING_SECONDS = 10

#: Of two events, the one with the lower id was received at most this much later.
MAX_DISORDER = timedelta(minutes=10)

#: The resolution of a moment on every database, and how times are compared here: `received_at__gt=moment - MICROSECOND`
#: is "at that moment or later", `__lte` of the same is "earlier". SQLite compares texts, and holds "30.120" where
#: Django asks for "30.120000": by plain comparison, what is exactly `moment` would be earlier.
MICROSECOND = timedelta(microseconds=1)


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


def text(max_length: int) -> Any:
    # "exact": the default is a setting of django-filter's.
    return django_filters.CharFilter(lookup_expr="exact", max_length=max_length)


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


class DeliveryFilters(django_filters.FilterSet):
    event = IdFilter(lookup_expr="exact", min_value=1, max_value=MAX_ID)
    status = choice(Delivery.Status.choices)
    receiver = text(255)


class EventFilters(django_filters.FilterSet):
    topic = text(100)
    status = choice(Event.Status.choices, method="in_status")
    account = text(100)
    received_after = MomentFilter(method="received_since", help_text=gettext_lazy("Received then or later."))
    received_before = MomentFilter(method="received_until", help_text=gettext_lazy("Received earlier."))
    about = django_filters.CharFilter(
        method="about_person",
        max_length=255,
        help_text=gettext_lazy("About a person: a phone number in any notation, an e-mail address, or a lead's id."),
    )
    order = choice(
        [("newest", gettext_lazy("Highest id first")), ("oldest", gettext_lazy("Lowest id first"))], method="in_order"
    )

    def in_status(self, events: QuerySet[Event], name: str, status: str) -> QuerySet[Event]:
        if status in (Event.Status.PENDING, Event.Status.RETRYING):
            # They are in the queue, whose index has those rows alone.
            events = events.filter(next_attempt_at__isnull=False)
        return events.filter(status=status)

    # A list is walked by id: without a bound on the id too, what finds no more would walk on to the end of the table.

    def received_since(self, events: QuerySet[Event], name: str, moment: datetime) -> QuerySet[Event]:
        earlier = (
            Event.objects.using(events.db)
            .filter(received_at__lte=moment - MAX_DISORDER)
            .order_by("-received_at", "-pk")
        )
        last = earlier.values_list("pk", flat=True).first() or 0
        return events.filter(received_at__gt=moment - MICROSECOND, pk__gt=last)

    def received_until(self, events: QuerySet[Event], name: str, moment: datetime) -> QuerySet[Event]:
        later = (
            Event.objects.using(events.db).filter(received_at__gte=moment + MAX_DISORDER).order_by("received_at", "pk")
        )
        first = later.values_list("pk", flat=True).first() or MAX_ID
        return events.filter(received_at__lte=moment - MICROSECOND, pk__lt=first)

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
