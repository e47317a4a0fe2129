"""What a request has to pass and what speaks for its answer: our own, whatever `REST_FRAMEWORK` the host has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, TypeVar

from django.core.cache import cache
from django.db.models import Model
from django.utils.cache import add_never_cache_headers
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView, exception_handler

from zenvia_webhooks import safe_json

M = TypeVar("M", bound=Model, covariant=True)

MAX_BODY_BYTES = 65536


class ModelPermissions(BasePermission):
    """Django's permissions on the view's model: to view (or to change) it for reading, to change it for all else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        # Whom no authentication class has vouched for is nobody, even if the host's UNAUTHENTICATED_USER is somebody.
        if request.successful_authenticator is None:
            return False
        options = view.get_queryset().model._meta  # type: ignore[attr-defined]  # a `Closed`
        actions = ("view", "change") if request.method in SAFE_METHODS else ("change",)
        return any(request.user.has_perm(f"{options.app_label}.{action}_{options.model_name}") for action in actions)


class UserThrottle(BaseThrottle):
    """Each user's requests a minute, counted in the default cache."""

    LIMIT = 3000

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = f"zenvia_webhooks.api.requests:{request.user.pk}:{int(time.time() // 60)}"
        cache.add(key, 0, timeout=120)
        try:
            return cache.incr(key) <= self.LIMIT
        except ValueError:
            # Dropped at this moment, or a cache that keeps nothing.
            return True

    def wait(self) -> float:
        """Return the seconds until the next minute begins."""
        return 60 - time.time() % 60


class JSONAnswer(JSONRenderer):
    # DRF takes the host's values when this module's base is first imported.
    ensure_ascii = False
    compact = True
    strict = True


class JSONBody(BaseParser):
    """Reads a JSON object of up to `MAX_BODY_BYTES`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            body = stream.read(MAX_BODY_BYTES + 1)
            if len(body) > MAX_BODY_BYTES:
                raise ValueError(f"more than {MAX_BODY_BYTES} bytes")
            parsed: dict[str, Any] = safe_json.make_safe(safe_json.parse_object(body))
        except (OSError, ValueError) as error:
            raise ParseError(f"No JSON object: {error}") from None
        return parsed


class AlwaysJSON(DefaultContentNegotiation):
    """JSON, whatever a request accepts; there is nothing to choose."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


class Closed(GenericAPIView[M]):
    """The base of our views. Every default that DRF would take from the host's `REST_FRAMEWORK` is set here."""

    # The session first: a refusal then carries no challenge, so that no browser asks for a password and keeps it.
    authentication_classes = (SessionAuthentication, BasicAuthentication)
    permission_classes = (ModelPermissions,)
    throttle_classes = (UserThrottle,)
    renderer_classes = (JSONAnswer,)
    parser_classes = (JSONBody,)
    content_negotiation_class: type[BaseContentNegotiation] = AlwaysJSON
    versioning_class = None
    metadata_class = None
    filter_backends = ()
    pagination_class = None
    http_method_names = ["get", "head"]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return exception_handler

    def get_format_suffix(self, **kwargs: Any) -> None:
        return None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # Private too: a host's cache middleware would hand one user's answer to the next.
        add_never_cache_headers(answer)
        return answer
