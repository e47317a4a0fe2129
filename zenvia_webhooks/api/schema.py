"""The OpenAPI schema: right whether or not the host has set drf-spectacular up."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from django.urls import include, path
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from zenvia_webhooks.api.policies import APIView
from zenvia_webhooks.api.serializers import StatusField
from zenvia_webhooks.models import Delivery, Event, Subscription


class Schema(AutoSchema):
    """Names our components so that none is taken for a host's own `Event`."""

    def get_serializer_name(self, serializer: Serializer[Any], direction: Literal["request", "response"]) -> str:
        return f"Zenvia{super().get_serializer_name(serializer, direction)}"


class InlineStatus(OpenApiSerializerFieldExtension):
    """Keeps a status' words at the field: for components of equal names, a host would have to choose others."""

    target_class = StatusField

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return {"allOf": [{"type": "string", "enum": list(self.target.choices)}]}


class SchemaView(APIView, SpectacularAPIView):
    """The schema of this API alone, for whoever may read something of it."""

    models = (Subscription, Event, Delivery)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Only the request tells what a host has put before our paths.
        prefix = quote(request.path.removesuffix("schema/")).removeprefix("/")
        self.patterns = [path(prefix, include(self.patterns or []))]
