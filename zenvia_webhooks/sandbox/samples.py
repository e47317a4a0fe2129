"""Sample notifications: invented people, a new event each time."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from zenvia_webhooks.sandbox import conversion_samples
from zenvia_webhooks.sandbox.people import COUNTRIES, invent_person


def sample_payload(topic: str, /, contract: str = "help_center", **fields: Any) -> dict[str, Any]:
    """Make up a notification of a canonical topic, in the envelope of a contract.

    It has the time of now and random ids, so that each call is a new event. `fields` are put into the business object
    over what is made up, as in `sample_payload("lead.created", name="Ana Paz")`.

    `help_center` returns `{"topic", "eventTime", "data"}`:

    - `lead.created`: exactly the published shape, `{"leadId", "name", "email", "phone"}`, all strings.
    - `quote.updated`: not published; `{"quoteId", "leadId", "status", "total", "currency", "updatedAt"}`.
    - `interaction.resolved`: not published; `{"interactionId", "leadId", "status", "via", "finishedAt"}`.
    - any other topic: `data` holds `fields` alone.

    `conversion` returns the captured envelope: see `conversion_samples`. Raises ValueError for any other contract.
    """
    if contract == "conversion":
        return conversion_samples.envelope(topic, fields)
    if contract != "help_center":
        raise ValueError(f"There are no samples of the contract {contract!r}.")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    make = MAKERS.get(topic)
    data = make(now) if make else {}
    return {"topic": topic, "eventTime": now, "data": {**data, **fields}}


def _lead(_now: str) -> dict[str, Any]:
    somebody = invent_person()
    return {
        "leadId": _id(),
        "name": f"{somebody.first_name} {somebody.last_name}",
        "email": somebody.email,
        "phone": somebody.phone,
    }


def _quote(now: str) -> dict[str, Any]:
    return {
        "quoteId": _id(),
        "leadId": _id(),
        "status": random.choice(("pending", "accepted", "rejected")),
        "total": random.randrange(500, 500_000) / 10,
        "currency": random.choice(COUNTRIES).currency,
        "updatedAt": now,
    }


def _interaction(now: str) -> dict[str, Any]:
    return {
        "interactionId": _id(),
        "leadId": _id(),
        "status": "resolved",
        "via": random.choice(("whatsApp", "email", "call")),
        "finishedAt": now,
    }


MAKERS = {"lead.created": _lead, "quote.updated": _quote, "interaction.resolved": _interaction}


def _id() -> str:
    return str(random.randrange(10**9, 10**10))
