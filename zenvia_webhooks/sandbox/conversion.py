"""The Zenvia Conversion API, formerly Sirena: the key, its topics and subscriptions; and who answers the rest."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from zenvia_webhooks.origins import is_web_url
from zenvia_webhooks.sandbox import prospects
from zenvia_webhooks.sandbox.messages import Reply, Request, bad_request, error_reply, json_reply, not_allowed
from zenvia_webhooks.sandbox.reading import is_printable, json_object
from zenvia_webhooks.sandbox.registry import Registration, Registry

NAME = "conversion"
CHECK = "/v1/checkCredentials"
ROOT = "/v1/notifications"
COLLECTION = f"{ROOT}/subscriptions"
#: Singular, unlike the collection's.
SINGLE = f"{ROOT}/subscription/"
#: In Zenvia's own order (ZENVIA.md 4).
TOPICS = {
    "prospects": "A new prospect, and any change of one",
    "interactions": "New or existing interactions",
    "quotes": "New or existing quotes",
    "agents": "Agents",
}


def speaks(request: Request) -> bool:
    """Tell whether a request is for this API."""
    return request.route == CHECK or request.route.startswith(f"{ROOT}/") or prospects.speaks(request)


def answer(request: Request, registry: Registry, api_key: str, of_prospects: prospects.Prospects) -> Reply:
    """Answer one call.

    401 without the key, whatever the path; then 404 (an empty body), 405, 400; else 201 and
    `{"id", "topics", "callbackUrl"}` to a POST, 200 and the same to a DELETE, an array of those to a GET.
    A POST deactivates the subscription that there was. For prospects see `Prospects.answer`.
    """
    if not _has_key(request, api_key):
        return error_reply(401, "unauthorized", "Send the API key as '?api-key=<key>'.")
    if prospects.speaks(request):
        return of_prospects.answer(request)
    if request.route == CHECK:
        return Reply(status=200) if request.method == "GET" else not_allowed(request, "GET")
    if request.route == f"{ROOT}/topics":
        if request.method != "GET":
            return not_allowed(request, "GET")
        return json_reply(200, [{"name": name, "description": text} for name, text in TOPICS.items()])
    if request.route == COLLECTION:
        return _collection(request, registry)
    return _single(request, registry)


def _has_key(request: Request, api_key: str) -> bool:
    sent = parse_qs(urlsplit(request.path).query).get("api-key", [""])
    return len(sent) == 1 and hmac.compare_digest(sent[0].encode("utf-8", "replace"), api_key.encode())


def _collection(request: Request, registry: Registry) -> Reply:
    if request.method == "GET":
        return json_reply(200, [_as_json(one) for one in registry.of(NAME)])
    if request.method == "POST":
        return _create(request, registry)
    if request.method == "DELETE":
        return json_reply(200, {"modified": registry.remove_all(NAME)})
    return not_allowed(request, "GET, POST, DELETE")


def _single(request: Request, registry: Registry) -> Reply:
    remote_id = unquote(request.route.removeprefix(SINGLE))
    if not request.route.startswith(SINGLE) or registry.get(remote_id, NAME) is None:
        return Reply(status=404)
    if request.method not in ("GET", "DELETE"):
        return not_allowed(request, "GET, DELETE")
    find = registry.get if request.method == "GET" else registry.remove
    found = find(remote_id, NAME)
    return Reply(status=404) if found is None else json_reply(200, _as_json(found))


def _create(request: Request, registry: Registry) -> Reply:
    value = json_object(request)
    if isinstance(value, Reply):
        return value
    topics, url = value.get("topics"), value.get("callbackUrl")
    if not isinstance(topics, list) or not topics or not all(is_printable(topic) for topic in topics):
        return bad_request("'topics' must be a list of strings that is not empty.")
    if not is_printable(url) or not is_web_url(url):
        return bad_request("'callbackUrl' must be an http:// or https:// URL.")
    return json_reply(201, _as_json(registry.add(topics, url, NAME, replaces=True)))


def _as_json(registration: Registration) -> dict[str, Any]:
    return {
        "id": registration.id,
        "topics": list(registration.topics),
        "callbackUrl": registration.callback_url,
    }
