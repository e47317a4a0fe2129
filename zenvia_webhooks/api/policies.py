"""What holds for every view of ours. Authentication, throttling and renderers are the host's `REST_FRAMEWORK`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, ClassVar

from django.apps import apps
from django.db.models import Model
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from rest_framework import views
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from zenvia_webhooks import safe_json

MAX_BODY_BYTES = 65536


class ModelPermissions(BasePermission):
    """Django's permissions on one of the view's models: to view or change it for reading, to change it for all else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        # Whom no authentication class has vouched for is nobody, even if the host's UNAUTHENTICATED_USER is somebody.
        if request.successful_authenticator is None:
            return False
        actions = ("view", "change") if request.method in SAFE_METHODS else ("change",)
        names = [f"{action}_{model._meta.model_name}" for model in view.models for action in actions]
        return any(request.user.has_perm(f"zenvia_webhooks.{name}") for name in names)


class MayReplay(BasePermission):
    """The permission to replay events."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.successful_authenticator is not None and request.user.has_perm("zenvia_webhooks.replay_event")


class JSONBody(BaseParser):
    """Reads a JSON object of up to `MAX_BODY_BYTES`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            body = stream.read(MAX_BODY_BYTES + 1)
            if len(body) > MAX_BODY_BYTES:
                raise ValueError(_("more than %(number)d bytes") % {"number": MAX_BODY_BYTES})
            parsed: dict[str, Any] = safe_json.make_safe(safe_json.parse_object(body))
        except (OSError, ValueError) as error:
            raise ParseError(_("No JSON object: %(error)s") % {"error": error}) from None
        return parsed


class APIView(views.APIView):
    """The base of our views: what a host must not open or break."""

    models: ClassVar[tuple[type[Model], ...]]
    permission_classes = (ModelPermissions,)
    parser_classes = (JSONBody,)
    versioning_class = None

    def get_renderers(self) -> list[BaseRenderer]:
        found = super().get_renderers()
        if not apps.is_installed("rest_framework"):
            # The pages for browsers, which DRF has by default, need its templates.
            found = [one for one in found if not isinstance(one, BrowsableAPIRenderer | TemplateHTMLRenderer)]
        return found or [JSONRenderer()]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return views.exception_handler

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # Private too: a host's cache middleware would hand one user's answer to the next.
        add_never_cache_headers(answer)
        return answer
