"""The API of the help-centre article "Notifications and WebHooks" (Dec 2024).

Its path for removal and its errors are not published: they are what this app assumes.
"""

from __future__ import annotations

import hmac
from urllib.parse import unquote

from zenvia_webhooks.origins import is_web_url
from zenvia_webhooks.sandbox.messages import Reply, Request, bad_request, error_reply, json_reply, not_allowed
from zenvia_webhooks.sandbox.reading import is_printable, json_object
from zenvia_webhooks.sandbox.registry import Registration, Registry

NAME = "help_center"
COLLECTION = "/v1/subscriptions"


def answer(request: Request, registry: Registry, api_key: str) -> Reply:
    """Answer one call.

    401 without the key, whatever the path; then 404, 405, 400; else 201 and `{"id", "topic", "callbackUrl"}`
    to a POST, 200 and a bare array of those to a GET, 204 to a DELETE.
    """
    if not _has_key(request, api_key):
        return error_reply(
            401,
            "unauthorized",
            "Send the API key as 'Authorization: Bearer <key>'.",
            www_authenticate="Bearer",
        )
    if request.route == COLLECTION:
        if request.method == "GET":
            return json_reply(200, [_as_json(one) for one in registry.of(NAME)])
        if request.method == "POST":
            return _create(request, registry)
        return not_allowed(request, "GET, POST")
    remote_id = request.route.removeprefix(COLLECTION + "/")
    if remote_id == request.route or not remote_id or "/" in remote_id:
        return error_reply(404, "not_found", "There is nothing at this path.")
    if request.method != "DELETE":
        return not_allowed(request, "DELETE")
    if registry.remove(unquote(remote_id), NAME) is None:
        return error_reply(404, "not_found", "There is no subscription of that id.")
    return Reply(status=204)


def _has_key(request: Request, api_key: str) -> bool:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode(), api_key.encode())


def _create(request: Request, registry: Registry) -> Reply:
    value = json_object(request)
    if isinstance(value, Reply):
        return value
    for key in ("topic", "callbackUrl"):
        if not is_printable(value.get(key)):
            return bad_request(f"{key!r} must be a string that is not empty.")
    if not is_web_url(value["callbackUrl"]):
        return bad_request("'callbackUrl' must be an http:// or https:// URL.")
    return json_reply(201, _as_json(registry.add([value["topic"]], value["callbackUrl"], NAME)))


def _as_json(registration: Registration) -> dict[str, str]:
    return {
        "id": registration.id,
        "topic": registration.topics[0],
        "callbackUrl": registration.callback_url,
    }
