"""Sample notifications: invented people, a new event each time."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
import unicodedata
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Country(NamedTuple):
    #: Four random digits follow. No subscriber's number begins with these zeros, so that a receiver under
    #: development never writes to a stranger.
    phone_prefix: str
    currency: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


COUNTRIES = (
    Country(
        "+551190000",
        "BRL",
        ("João", "Ana", "Mariana", "Thiago", "Conceição", "Luís"),
        ("Silva", "Souza", "Araújo", "Gonçalves", "Lima", "Magalhães"),
    ),
    Country(
        "+549110000",
        "ARS",
        ("Martín", "Sofía", "Joaquín", "Lucía", "Agustín", "Belén"),
        ("Paz", "Fernández", "Núñez", "Romero", "Giménez", "Acuña"),
    ),
    Country(
        "+52550000",
        "MXN",
        ("José", "Guadalupe", "Ximena", "Andrés", "Fernanda", "Raúl"),
        ("Hernández", "Muñoz", "Ramírez", "Peña", "Cruz", "Ibáñez"),
    ),
)


def sample_payload(topic: str, /, **fields: Any) -> dict[str, Any]:
    """Make up a notification in the envelope of Zenvia's help-centre article.

    Returns `{"topic", "eventTime", "data"}` with the time of now and random ids, so that each call is a
    new event. `fields` are put into `data` over what is made up, as in
    `sample_payload("lead.created", name="Ana Paz")`.

    - `lead.created`: exactly the published shape, `{"leadId", "name", "email", "phone"}`, all strings.
    - `quote.updated`: not published; `{"quoteId", "leadId", "status", "total", "currency", "updatedAt"}`.
    - `interaction.resolved`: not published; `{"interactionId", "leadId", "status", "via", "finishedAt"}`.
    - any other topic: `data` holds `fields` alone.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    make = MAKERS.get(topic)
    data = make(now) if make else {}
    return {"topic": topic, "eventTime": now, "data": {**data, **fields}}


def _lead(_now: str) -> dict[str, Any]:
    country = random.choice(COUNTRIES)
    first, last = random.choice(country.first_names), random.choice(country.last_names)
    return {
        "leadId": _id(),
        "name": f"{first} {last}",
        # example.com is reserved (RFC 2606): mail to it reaches nobody.
        "email": _ascii(f"{first}.{last}@example.com").lower(),
        "phone": f"{country.phone_prefix}{random.randrange(10_000):04}",
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


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
