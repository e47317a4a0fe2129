"""A person whose every datum is known again wherever it turns up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db.models import Model

from tests.support.webhooks import conversion_envelope
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.webhook.intake import store

#: What it is → the text.
CANARIES = {
    "name": "Canaria Quetzal",
    "email": "canary-email@mail.example",
    "phone": "+5511987654377",
    "social": "canary-handle",
    "national": "98765432177",
    "comments": "canary-comments",
    "product": "canary-product",
    "agent": "canary-agent",
    "message": "canary-message",
    "note": "canary-note",
    "attachment": "https://files.example/canary-file",
    "concept": "canary-concept",
    "header": "canary-header/1.0",
    "address": "203.0.113.177",
    "bytes": "canary-bytes",
    "error": "canary-error",
    "result": "canary-key",
}


def bodies(data: Mapping[str, str] = CANARIES) -> Iterator[bytes]:
    """Yield what Zenvia would post about the person: a lead, a message, a note, a picture, a quote, and no JSON."""
    prospect = conversion_envelope("prospects")["prospect"] | {
        "firstName": data["name"],
        "emails": [data["email"]],
        "phones": [data["phone"]],
        "contactMediums": [{"type": "instagram", "mediumId": data["social"]}],
        "nin": [{"type": "CPF", "value": data["national"]}],
        "leads": [{"comments": data["comments"], "product": {"model": data["product"]}}],
        "agent": {"firstName": data["agent"]},
    }
    yield _json(conversion_envelope("prospects", prospect=prospect))
    message = {"body": data["message"], "content": data["message"], "sender": data["phone"], "performer": "integration"}
    picture = {**message, "attachment": {"type": "IMAGE", "url": data["attachment"]}}
    for output in ({"message": message}, {"message": picture}, {"comment": data["note"]}):
        sample = conversion_envelope("interactions")
        interaction = sample["interaction"] | {"output": output, "agent": prospect["agent"]}
        yield _json({**sample, "prospect": prospect, "interaction": interaction})
    sample = conversion_envelope("quotes")
    quote = sample["quote"] | {"items": [{"quantity": 1, "concept": data["concept"]}]}
    yield _json({**sample, "prospect": prospect, "quote": quote})
    yield b"\xff" + data["bytes"].encode()


#: Where the receiver of `planted` broke.
PLACE = 'File "crm/receivers.py", line 7, in broken'


def planted(subscription: Subscription, data: Mapping[str, str] = CANARIES) -> list[Event]:
    """Store all of it; each event has a delivery that failed with the error, and one that returned the result."""
    events = []
    for body in bodies(data):
        headers = {"user-agent": data["header"]}
        stored = store(subscription, body, headers=headers, remote_addr=data["address"])
        event = Event.objects.get(pk=stored.event_id)
        broken = {"error": data["error"], "traceback": f'{PLACE}\n    raise ValueError("{data["error"]}")'}
        event.deliveries.create(receiver="crm.receivers.broken", status="failed", **broken)
        event.deliveries.create(receiver="crm.receivers.good", status="succeeded", result=f"shop.gone:{data['result']}")
        events.append(event)
    return events


def all_that_is_stored() -> str:
    """Return all that our tables and the admin's log hold, as text."""
    found: list[Any] = []
    ours: list[type[Model]] = [*apps.get_app_config("zenvia_webhooks").get_models(), LogEntry]
    for model in ours:
        for row in model._default_manager.values():
            found += [bytes(value) if isinstance(value, memoryview) else value for value in row.values()]
    return repr(found)


def _json(envelope: dict[str, Any]) -> bytes:
    return json.dumps(envelope).encode()
