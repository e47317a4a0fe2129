"""Sample notifications: invented people, a new event each time; and which there are, under each contract."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext

from zenvia_webhooks.sandbox import history, messaging_samples
from zenvia_webhooks.sandbox.object_ids import ObjectIds, derived_id, now_in_milliseconds, timestamp
from zenvia_webhooks.sandbox.people import TEST_PERSON, invent_person
from zenvia_webhooks.sandbox.store import Store

#: What a platform beside the Conversion API posts to the same URL; nothing can be subscribed there.
MESSAGING = "messaging"
#: Whose envelope → canonical topic → its kinds, the usual one first.
KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "help_center": {"lead.created": (), "quote.updated": (), "interaction.resolved": ()},
    "conversion": history.KINDS,
    MESSAGING: {topic: tuple(kinds) for topic, kinds in messaging_samples.KINDS.items()},
}


def sample_payload(
    topic: str, /, contract: str = "help_center", *, kind: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Make up a notification of a canonical topic, in the envelope of a contract.

    It has the time of now and random ids, so that each call is a new event. `kind` is one of the topic's in `KINDS`.
    `fields` are put into the business object over what is made up, as in `sample_payload("lead.created", name="Ana")`.

    `help_center` returns `{"topic", "eventTime", "data"}`:

    - `lead.created`: exactly the published shape, `{"leadId", "name", "email", "phone"}`, all strings.
    - `quote.updated`: not published; `{"quoteId", "leadId", "status", "total", "currency", "updatedAt"}`.
    - `interaction.resolved`: not published; `{"interactionId", "leadId", "status", "via", "finishedAt"}`.

    `conversion` returns the captured envelope (see `objects.envelope`), `messaging` that of the messaging platform.
    Under `help_center` and `conversion` the object of any other topic holds `fields` alone.
    Raises ValueError for a kind that the topic has not, for any other contract, and for another topic of `messaging`.
    """
    check(contract, topic, kind, strictly=contract == MESSAGING)
    if contract == MESSAGING:
        return messaging_samples.envelope(topic, kind, fields)
    if contract == "conversion":
        known = topic in history.KINDS
        return history.History().happen(topic, kind, **fields) if known else _unknown_conversion(topic, fields)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    make = MAKERS.get(topic)
    data = make(now) if make else {}
    return {"topic": topic, "eventTime": now, "data": {**data, **fields}}


def payload_of_test(topic: str, contract: str) -> dict[str, Any]:
    """Make up a notification as `sample_payload` does, about the person whose name says that it is a test.

    Under `help_center` it names that person in `lead.created` alone, and under `conversion` in all but `agent.*`.
    Raises ValueError for another contract, and for a topic without a sample.
    """
    check(contract, topic)
    if contract == "conversion":
        # With a number to be reached by, where there may be none.
        kind = "phone" if topic == "lead.created" else None
        return history.History(Store(first=TEST_PERSON)).happen(topic, kind)
    somebody = invent_person(TEST_PERSON)
    of_lead = {"name": somebody.name, "email": somebody.email, "phone": somebody.phone}
    return sample_payload(topic, contract, **(of_lead if topic == "lead.created" else {}))


def check(contract: str, topic: str, kind: str | None = None, *, strictly: bool = True) -> None:
    """Raise ValueError, with what there is, for an unknown contract or kind; `strictly`, for an unknown topic too."""
    if contract not in KINDS:
        text = gettext("There are no samples of the contract %(contract)r: choose from %(contracts)s.")
        raise ValueError(text % {"contract": contract, "contracts": ", ".join(KINDS)})
    topics = KINDS[contract]
    if strictly and topic not in topics:
        text = gettext("There is no sample of %(topic)r under %(contract)s: choose from %(topics)s.")
        raise ValueError(text % {"topic": topic, "contract": contract, "topics": ", ".join(topics)})
    if kind is not None and kind not in topics.get(topic, ()):
        there = ", ".join(topics.get(topic, ())) or gettext("none")
        text = gettext("%(topic)s has no kind %(kind)r under %(contract)s; it has: %(kinds)s.")
        raise ValueError(text % {"topic": topic, "kind": kind, "contract": contract, "kinds": there})


def _unknown_conversion(topic: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    resource, _, kind = topic.partition(".")
    now = now_in_milliseconds()
    made_id, at = ObjectIds().new(now), timestamp(now)
    return {
        "subscriptionId": derived_id(made_id, "f"),
        "topic": f"{resource}s",
        "type": kind or "created",
        "received": at,
        "sent": at,
        "attempts": 1,
        "updatedAt": at,
        "operationId": made_id,
        resource: dict(fields),
    }


def _lead(_now: str) -> dict[str, Any]:
    somebody = invent_person()
    return {"leadId": _id(), "name": somebody.name, "email": somebody.email, "phone": somebody.phone}


def _quote(now: str) -> dict[str, Any]:
    return {
        "quoteId": _id(),
        "leadId": _id(),
        "status": random.choice(("pending", "accepted", "rejected")),
        "total": random.randrange(500, 500_000) / 10,
        "currency": invent_person().country.currency,
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


MAKERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "lead.created": _lead,
    "quote.updated": _quote,
    "interaction.resolved": _interaction,
}


def _id() -> str:
    return str(random.randrange(10**9, 10**10))
