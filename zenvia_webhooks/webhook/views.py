"""The webhook: what Zenvia posts to."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import HttpHeaders
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt

from zenvia_webhooks import failpoints
from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Event
from zenvia_webhooks.redaction import TOKEN, drop_values
from zenvia_webhooks.webhook import probe, tokens
from zenvia_webhooks.webhook.intake import Intake, SubscriptionGoneError, store

logger = logging.getLogger(__name__)

#: Of the few headers that are read, each time the same.
_wsgi_name = cache(HttpHeaders.to_wsgi_name)
T = TypeVar("T")

RETRY_AFTER_SECONDS = 30
#: A database that took longer to fail is not asked again: the answer would be late.
AGAIN_WITHIN_SECONDS = 1


class RefusedError(Exception):
    """The request is answered with an error, and nothing is stored."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


@csrf_exempt
@login_not_required
def webhook(request: HttpRequest, token: str) -> HttpResponse:
    """Store one notification.

    What is readable is 200, even a duplicate; what is kept but no JSON object is 400; every other error stores nothing.
    """
    try:
        if request.method == "HEAD":
            return HttpResponse()
        if request.method != "POST":
            raise RefusedError(405, "POST notifications here", Allow="POST, HEAD")
        intake = store_request(request, token)
    except RefusedError as refused:
        if refused.status == 404 and (proof := probe.proof(token)) is not None:
            # The site asks itself. No error, so that no log, ours or a web server's, has one.
            return answer({"proof": proof}, status=200)
        return refuse(refused)
    except Exception as error:
        # Most likely the database; but whatever it is, Django would answer 500 and log the path with its token.
        drop_values(error)
        logger.exception("a webhook could not be stored and was answered 503")
        return refuse(RefusedError(503, "try again later", **{"Retry-After": str(RETRY_AFTER_SECONDS)}))
    failpoints.reach("views.before_answer")
    return answer({"status": intake.status, "event": intake.event_id}, status=200 if intake.is_json_object else 400)


# Whatever databases a site has: with ATOMIC_REQUESTS, an error would take the stored event back.
for _alias in connections:
    webhook = transaction.non_atomic_requests(using=_alias)(webhook)


def store_request(request: HttpRequest, token: str) -> Intake:
    """Store what a request brings. Raises RefusedError, and django.db.Error if the database failed."""
    owner = _on_a_live_connection(lambda: find_owner(token))
    refuse_past_the_bound(owner)
    body = read_body(request)
    address = request.META.get("REMOTE_ADDR") or ""
    is_test = probe.is_mark(token, header(request, probe.MARK))
    origin = Event.Origin.TEST if is_test else Event.Origin.WEBHOOK

    def store_for(owner: tokens.Owner) -> Intake:
        intake = store(
            owner.subscription,
            body,
            headers={name: value for name in conf.stored_headers if (value := header(request, name)) is not None},
            remote_addr=address,
            clock=owner.clock,
            origin=origin,
        )
        owner.add(intake.stored_bytes)
        return intake

    try:
        return _on_a_live_connection(lambda: store_for(owner))
    except SubscriptionGoneError:
        # It was deleted since the look. The token may be another row's by now: a host's, loaded anew.
        tokens.forget()
    # If it is not gone, the database refuses the row for another reason: a host's receiver of `pre_save`, or a trigger.
    return store_for(find_owner(token))


def _on_a_live_connection(work: Callable[[], T]) -> T:
    """Return what `work` returns; if the database fails, close the connection.

    A failover may have left a kept connection read-only: Django's health check, a `SELECT 1`, passes there. So if the
    connection is an old one and failed at once, `work` is done again on a new one. Storing twice is a duplicate.
    """
    connection = connections[router.db_for_write(Event)]
    was_kept, began = connection.connection is not None, time.monotonic()
    try:
        return work()
    except Error:
        if connection.in_atomic_block:
            raise
        _close(connection)
        if not was_kept or time.monotonic() - began > AGAIN_WITHIN_SECONDS:
            raise
    try:
        return work()
    except Error:
        _close(connection)
        raise


def _close(connection: BaseDatabaseWrapper) -> None:
    # After a failover, the database that answers may be another one, with another clock.
    tokens.forget()
    # MySQL's driver raises if the connection is closed already; Django has forgotten it all the same.
    with contextlib.suppress(Error):
        connection.close()


def find_owner(token: str) -> tokens.Owner:
    """Return what a token is good for. Raises RefusedError."""
    if not TOKEN.fullmatch(token):
        raise RefusedError(404, "unknown token")
    if (owner := tokens.owner_of(token)) is None:
        raise RefusedError(404, "unknown token")
    return owner


def refuse_past_the_bound(owner: tokens.Owner) -> None:
    """Raise RefusedError if the subscription has stored as much today as it may."""
    if owner.bytes_today() < conf.max_bytes_per_day:
        return
    moment = owner.clock.now()
    midnight = datetime.combine(moment.date() + timedelta(days=1), datetime.min.time(), moment.tzinfo)
    seconds = math.ceil((midnight - moment).total_seconds())
    raise RefusedError(429, "the subscription's bytes of today are used up", **{"Retry-After": str(seconds)})


def read_body(request: HttpRequest) -> bytes:
    """Return the whole body. Raises RefusedError for one that is too large, compressed, or of unknown length.

    Not through `request.body`, which has a limit of its own (`DATA_UPLOAD_MAX_MEMORY_SIZE`).
    """
    if (header(request, "Content-Encoding") or "").strip().lower() not in ("", "identity"):
        raise RefusedError(415, "send the body uncompressed")
    limit = conf.max_body_bytes
    length = declared_length(request)
    if length is not None and length > limit:
        raise RefusedError(413, f"more than {limit} bytes")
    try:
        if length is None and isinstance(request, WSGIRequest):
            # Without a length Django reads nothing; the server has marked where this body ends.
            try:
                body: bytes = request.environ["wsgi.input"].read(limit + 1)
            except Exception:  # noqa: BLE001  # each server has errors of its own for a broken chunk
                raise RefusedError(400, "the body broke off") from None
        else:
            body = request.read(limit + 1)
    except OSError:  # UnreadablePostError is one
        raise RefusedError(400, "the body broke off") from None
    if len(body) > limit:
        raise RefusedError(413, f"more than {limit} bytes")
    if length is not None and len(body) < length:
        raise RefusedError(400, "the body broke off")
    return body


def header(request: HttpRequest, name: str) -> str | None:
    """Return a header without making `request.headers`, which goes through all that the server says of a request."""
    value: str | None = request.META.get(_wsgi_name(name))
    return value


def declared_length(request: HttpRequest) -> int | None:
    """Return the body's length in bytes by the request's word; None if it may be read to its end without one.

    Raises RefusedError if there is a body but no way to tell its end: chunked, under a server that does not mark it.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdecimal() and len(length) < 20:
        return int(length)
    if not isinstance(request, WSGIRequest) or request.environ.get("wsgi.input_terminated"):
        return None
    if length or header(request, "Transfer-Encoding"):
        raise RefusedError(411, "send a Content-Length")
    return 0


def refuse(refused: RefusedError) -> HttpResponse:
    """Answer an error, and log it without the path, which holds the token."""
    return answer({"error": refused.reason}, status=refused.status, headers=refused.headers)


def answer(content: dict[str, Any], *, status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    response = JsonResponse(content, status=status, headers=headers)
    if status >= 400:
        # Marks the response as logged, too: else Django would log `request.path`.
        log_response("webhook answered %s: %s", status, content, response=response, logger=logger)
    return response
