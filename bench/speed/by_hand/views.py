"""A webhook as most would write it: a serializer, a row, a task."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.speed.by_hand.models import Lead
from bench.speed.by_hand.tasks import handle_lead


class DataSerializer(serializers.Serializer[Any]):
    leadId = serializers.CharField(source="lead_id", max_length=100)  # noqa: N815  # Zenvia's name
    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(required=False, allow_blank=True, max_length=50)


class WebhookSerializer(serializers.Serializer[Any]):
    topic = serializers.CharField(max_length=100)
    eventTime = serializers.DateTimeField(source="event_time")  # noqa: N815  # Zenvia's name
    data = DataSerializer()  # type: ignore[assignment]  # also the name of what a serializer gives, which is unused

    def create(self, validated_data: dict[str, Any]) -> Lead:
        data = validated_data.pop("data")
        return Lead.objects.create(**validated_data, **data, payload=self.initial_data)


class Webhook(APIView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        serializer = WebhookSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        lead = serializer.save()
        handle_lead.delay(lead.pk)
        return Response({"id": lead.pk})
