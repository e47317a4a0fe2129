from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.db.models import Prefetch
from django.http import Http404
from rest_framework.exceptions import APIException, UnsupportedMediaType, ValidationError
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from zenvia_webhooks.api import parameters, serializers
from zenvia_webhooks.api.pagination import HighestId, NewestFirst, OldestFirst, Order, page_of
from zenvia_webhooks.api.policies import Closed, M
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import receivers_of

logger = logging.getLogger(__name__)

SUBSCRIPTIONS = Subscription.objects.defer("token", "previous_token")


class ConflictError(APIException):
    status_code = 409
    default_code = "conflict"


class LengthRequiredError(APIException):
    status_code = 411
    default_detail = "Send a Content-Length."
    default_code = "length_required"


class List(Closed[M]):
    """A page of rows: `{"next": URL or null, "results": [...]}`."""

    parameters_class: ClassVar[type[parameters.Parameters]]

    def get(self, request: Request) -> Response:
        values = self.parameters_class.read(request.query_params)
        rows = self.parameters_class.narrow(self.get_queryset(), values)
        page, cursor = page_of(rows, self.order(values), page_size=values["page_size"], cursor=values.get("cursor"))
        here = request.build_absolute_uri()
        further = None if cursor is None else replace_query_param(here, "cursor", cursor)
        return Response({"next": further, "results": self.get_serializer(page, many=True).data})

    def order(self, values: dict[str, Any]) -> Order:
        return HighestId()


class Detail(RetrieveModelMixin, Closed[M]):
    def get(self, request: Request, pk: int) -> Response:
        return self.retrieve(request, pk)


class SubscriptionList(List[Subscription]):
    queryset = SUBSCRIPTIONS
    serializer_class = serializers.SubscriptionSerializer
    parameters_class = parameters.SubscriptionParameters


class SubscriptionDetail(Detail[Subscription]):
    queryset = SUBSCRIPTIONS
    serializer_class = serializers.SubscriptionSerializer


class EventList(List[Event]):
    queryset = Event.objects.only(
        *("topic", "status", "account", "subscription_id"),
        *("occurred_at", "received_at", "finished_at", "duplicates"),
    )
    serializer_class = serializers.EventSerializer
    parameters_class = parameters.EventParameters

    def order(self, values: dict[str, Any]) -> Order:
        return OldestFirst() if values["order"] == "oldest" else NewestFirst()


class EventDetail(Detail[Event]):
    queryset = Event.objects.defer("body").prefetch_related(
        Prefetch("deliveries", queryset=Delivery.objects.order_by("pk"))
    )
    serializer_class = serializers.EventDetailSerializer


class EventReplay(Closed[Event]):
    """Hand one event to its receivers again: 202 `{"receivers": [...]}`."""

    queryset = Event.objects.defer("body", "payload")
    http_method_names = ["post"]

    def post(self, request: Request, pk: int) -> Response:
        event = self.get_object()
        wanted = serializers.ReplaySerializer(data=self.body(request))
        wanted.is_valid(raise_exception=True)
        try:
            names = event.replay(wanted.validated_data.get("receivers"))
            if not names:
                event.refresh_from_db(fields=["status"])
        except ValueError as error:
            raise ValidationError({"receivers": [str(error)]}) from None
        except Event.DoesNotExist:  # purged since
            raise Http404 from None
        if not names:
            raise ConflictError(self.reason(event))
        logger.info("event %s is replayed through the API by user %s: %s", event.pk, request.user.pk, names)
        return Response({"receivers": names}, status=202)

    def body(self, request: Request) -> dict[str, Any]:
        """Return the body, an empty object for none. A replay must not run on a body that was left unread."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or "Transfer-Encoding" in request.headers:
            raise LengthRequiredError
        if length.strip("0") and self.get_content_negotiator().select_parser(request, self.get_parsers()) is None:
            raise UnsupportedMediaType(request.content_type)
        body: dict[str, Any] = dict(request.data)
        if strange := set(body) - {"receivers"}:
            raise ValidationError({name: ["There is no such key. There is: receivers."] for name in strange})
        return body

    def reason(self, event: Event) -> str:
        """Return why there was nothing to replay."""
        reasons = {
            Event.Status.PENDING: "The event is pending: a worker will hand it to its receivers.",
            Event.Status.QUARANTINED: "The event is quarantined: it was not understood.",
            Event.Status.ERASED: "The event is erased.",
        }
        if event.status in reasons:
            return reasons[Event.Status(event.status)]
        if not receivers_of(event.topic, Event):
            return "No receiver is connected for its topic in the web process."
        return "The event is in a worker's hands: try again when its lease is over."


class DeliveryList(List[Delivery]):
    queryset = Delivery.objects.all()
    serializer_class = serializers.DeliverySerializer
    parameters_class = parameters.DeliveryParameters
