"""Sample notifications in the envelope of the Conversion API: its captured structure, with invented values."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from zenvia_webhooks.contracts import conversion
from zenvia_webhooks.sandbox.people import invent_person


def envelope(topic: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification of a canonical topic; `fields` go over what is made up in the object that it is about.

    `{"subscriptionId", "topic", "type", "received", "sent", "attempts", "updatedAt", "operationId"}`, and `prospect`,
    `quote`, `interaction` or `agent`; a prospect comes with quotes and interactions, too. Of an unknown topic, the
    object holds `fields` alone.
    """
    resource, _, kind = topic.partition(".")
    wire = conversion.wire_topic(f"{resource}.{kind}", {})
    key = conversion.OBJECTS.get(wire, resource)
    now = timestamp()
    prospect = _prospect()
    objects: dict[str, Any] = {"prospect": prospect} if key in ("prospect", "quote", "interaction") else {}
    make = MAKERS.get(key)
    about = prospect if key == "prospect" else make(now, prospect["id"]) if make else {}
    if topic == "interaction.resolved":
        kind = "updated"
        about |= {"status": "resolved", "finishedAt": now}
    objects[key] = {**about, **fields}
    return {
        "subscriptionId": _id(),
        "topic": wire,
        "type": kind or conversion.USUAL_TYPE,
        "received": now,
        "sent": now,
        "attempts": 1,
        **objects,
        "updatedAt": now,
        "operationId": objects[key].get("id") or _id(),
    }


def _prospect() -> dict[str, Any]:
    somebody = invent_person()
    return {
        "id": _id(),
        "firstName": somebody.first_name,
        "lastName": somebody.last_name,
        "phones": [somebody.phone],
        "emails": [somebody.email],
        "status": "followUp",
        "groupId": _id(),
        "leads": [{"source": "WHATSAPP"}],
        "agent": _agent("", ""),
    }


def _agent(_now: str, _prospect_id: str) -> dict[str, Any]:
    somebody = invent_person()
    return {
        "id": _id(),
        "firstName": somebody.first_name,
        "lastName": somebody.last_name,
        "email": somebody.email,
    }


def _quote(now: str, prospect_id: str) -> dict[str, Any]:
    return {
        "id": _id(),
        "prospectId": prospect_id,
        "status": random.choice(("pending", "accepted", "rejected")),
        "items": [],
        "total": random.randrange(500, 500_000) / 10,
        "createdAt": now,
    }


def _interaction(now: str, prospect_id: str) -> dict[str, Any]:
    return {
        "id": _id(),
        "status": "created",
        "createdAt": now,
        "prospectId": prospect_id,
        "agentId": _id(),
        "proactive": False,
        "via": "whatsApp",
        "output": {"message": {"text": "Hello, how can I help?"}},
    }


MAKERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "quote": _quote,
    "interaction": _interaction,
    "agent": _agent,
}


def _id() -> str:
    # As Zenvia's look.
    return secrets.token_hex(12)


def timestamp() -> str:
    """Return the time of now as Zenvia writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
