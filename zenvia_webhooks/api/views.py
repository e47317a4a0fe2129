from __future__ import annotations

import logging
from typing import Any

from django.db import router as databases
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from zenvia_webhooks.api import filters, serializers
from zenvia_webhooks.api.pagination import Pages
from zenvia_webhooks.api.policies import APIView, MayReplay
from zenvia_webhooks.api.schema import Schema
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.people.masking import may_see
from zenvia_webhooks.signals import receivers_of

#: What is done with people's data, and by whom.
audit = logging.getLogger("zenvia_webhooks.audit")


class ListViewSet(ListModelMixin, APIView, GenericViewSet[Any]):
    lookup_value_converter = "int"
    filter_backends = (filters.Parameters,)
    pagination_class = Pages
    schema = Schema()

    def get_queryset(self) -> QuerySet[Any]:
        # Not from a replica: whoever walks a list must miss nothing, and what has just arrived can be replayed.
        rows: QuerySet[Any] = super().get_queryset()
        return rows.using(databases.db_for_write(rows.model))


class SubscriptionViewSet(RetrieveModelMixin, ListViewSet):
    models = (Subscription,)
    queryset = Subscription.objects.defer("token", "previous_token")
    serializer_class = serializers.SubscriptionSerializer
    filterset_class = filters.SubscriptionFilters


class DeliveryViewSet(ListViewSet):
    models = (Delivery,)
    queryset = Delivery.objects.all()
    serializer_class = serializers.DeliverySerializer
    filterset_class = filters.DeliveryFilters


class EventViewSet(RetrieveModelMixin, ListViewSet):
    models = (Event,)
    queryset = Event.objects.defer("body", "payload")
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilters

    def get_queryset(self) -> QuerySet[Event]:
        if self.action == "retrieve":
            using = databases.db_for_write(Event)
            deliveries = Prefetch("deliveries", queryset=Delivery.objects.using(using).order_by("pk"))
            return Event.objects.using(using).defer("body").prefetch_related(deliveries)
        return super().get_queryset()

    def get_serializer_class(self) -> type[Any]:
        return serializers.EventDetailSerializer if self.action == "retrieve" else super().get_serializer_class()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        answer = super().retrieve(request, *args, **kwargs)
        if may_see(request):
            audit.info("the payload of event %s is viewed through the API by user %s", kwargs["pk"], request.user.pk)
        return answer

    @extend_schema(responses={202: serializers.ReplayedSerializer})
    @action(
        detail=True,
        methods=["post"],
        serializer_class=serializers.ReplaySerializer,
        permission_classes=[MayReplay],
        schema=Schema(),
    )
    def replay(self, request: Request, pk: int) -> Response:
        """Hand one event to its receivers again."""
        # A replay must not run on a body that was left unread.
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or "Transfer-Encoding" in request.headers:
            return Response({"detail": _("Send a Content-Length.")}, status=411)
        if length.strip("0") and self.get_content_negotiator().select_parser(request, self.get_parsers()) is None:
            raise UnsupportedMediaType(request.content_type)
        event = self.get_object()
        wanted = serializers.ReplaySerializer(data=dict(request.data))
        if unknown := set(request.data) - set(wanted.fields):
            raise ValidationError({name: [_("There is no such key. There is: receivers.")] for name in unknown})
        wanted.is_valid(raise_exception=True)
        try:
            names = event.replay(wanted.validated_data.get("receivers"))
            if not names:
                event.refresh_from_db(using=databases.db_for_write(Event), fields=["status"])
                return Response({"detail": reason_for_none(event)}, status=409)
        except ValueError as error:
            raise ValidationError({"receivers": [str(error)]}) from None
        except Event.DoesNotExist:  # purged since
            raise Http404 from None
        audit.info("event %s is replayed through the API by user %s: %s", event.pk, request.user.pk, names)
        return Response({"receivers": names}, status=202)


def reason_for_none(event: Event) -> str:
    """Return why there was nothing to replay."""
    reasons = {
        Event.Status.PENDING: _("The event is pending: a worker will hand it to its receivers."),
        Event.Status.QUARANTINED: _("The event is quarantined: it was not understood."),
        Event.Status.ERASED: _("The event is erased."),
    }
    if event.status in reasons:
        return reasons[Event.Status(event.status)]
    connected = receivers_of(event, Event)
    if not connected:
        return _("No receiver is connected for its topic in the web process.")
    deliveries = event.deliveries.using(databases.db_for_write(Event))
    if (deliveries.succeeded() | deliveries.dismissed()).names().issuperset(connected):
        return _("Every receiver has succeeded or was dismissed: name those that must run again, in receivers.")
    return _("The event is in a worker's hands: try again when its lease is over.")


router = SimpleRouter(use_regex_path=False)
router.register("subscriptions", SubscriptionViewSet)
router.register("events", EventViewSet)
router.register("deliveries", DeliveryViewSet)
