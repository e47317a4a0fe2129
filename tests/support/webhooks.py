"""Webhooks for the tests: their bodies, and the ways to have one arrive."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now

from tests.support.factories import envelope, make_event, path_of
from tests.support.paths import PAYLOADS
from zenvia_webhooks.models import Delivery, Event, Subscription

__all__ = ["arrived", "envelope", "let_time_pass", "path_of", "payload", "post", "seconds_away"]


def payload(name: str) -> bytes:
    """Return the exact bytes of a payload file."""
    return (PAYLOADS / f"{name}.json").read_bytes()


#: Wire topic of `conversion` → the sample of it.
OF_CONVERSION = {
    "interactions": "interaction-inbound-text",
    "prospects": "assumed-prospect-created",
    "quotes": "assumed-quote-updated",
    "agents": "assumed-agent-updated",
}
LEFT_OUT = object()


def conversion_envelope(name: str = "interactions", **changes: Any) -> dict[str, Any]:
    """Return the sample of a wire topic, or of a file, with these keys of it changed or `LEFT_OUT`."""
    found: dict[str, Any] = json.loads(payload(OF_CONVERSION.get(name, name)))
    return {key: value for key, value in {**found, **changes}.items() if value is not LEFT_OUT}


def post(client: Client, subscription: Subscription, body: bytes, **extra: Any) -> HttpResponse:
    """Post a body as Zenvia does; `extra` goes into the WSGI environment."""
    response: Any = client.generic("POST", path_of(subscription), body, "application/json", **extra)
    assert isinstance(response, HttpResponse)
    return response


def arrived(topic: str = "lead.created", **data: Any) -> Event:
    """Return the stored event of a webhook that has just arrived, and is due."""
    event = make_event(topic, data)
    # SQLite's clock counts milliseconds: what was stored in the present one is due in the next.
    time.sleep(0.001)
    return event


def let_time_pass(seconds: float = 10**6) -> None:
    """Have everything that is due later be due so much earlier."""
    for model in (Event, Delivery):
        due_later = model._default_manager.exclude(next_attempt_at=None)
        for pk, due_at in due_later.values_list("pk", "next_attempt_at"):
            assert due_at is not None
            due_later.filter(pk=pk).update(next_attempt_at=due_at - timedelta(seconds=seconds))


def seconds_away(moment: Any) -> float:
    seconds: float = (moment - now()).total_seconds()
    return seconds


def prospect_stored(client: Client, subscription: Subscription, **changes: Any) -> Event:
    """Return the event of the prospect that was created, with these parts of it changed."""
    prospect = {**conversion_envelope("prospects")["prospect"], **changes.pop("prospect", {})}
    body = conversion_envelope("prospects", prospect=prospect, **changes)
    answer: Any = post(client, subscription, json.dumps(body).encode())
    return Event.objects.get(pk=answer.json()["event"])


def due_since(*seconds: int) -> list[int]:
    """Store an event for each, due for so many seconds; return their ids."""
    events = [arrived() for _ in seconds]
    for event, ago in zip(events, seconds, strict=True):
        Event.objects.filter(pk=event.pk).update(next_attempt_at=now() - timedelta(seconds=ago))
    return [event.pk for event in events]
