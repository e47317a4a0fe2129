"""What the sandbox makes up has the structure of the payloads that were captured or assumed, key for key, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.webhooks import payload
from zenvia_webhooks.sandbox.history import History
from zenvia_webhooks.sandbox.messaging_samples import envelope as messaging
from zenvia_webhooks.sandbox.records import LeadData


def shape(value: Any) -> Any:
    """Return the keys and types of a JSON value; of a list its first item's. None is left open."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if type(value) in (int, float) else type(value).__name__


def differences(made: Any, known: Any, at: str = "") -> list[str]:
    """Return where two shapes differ; an empty list and a null are like anything."""
    if "NoneType" in (made, known) or (isinstance(made, list) and isinstance(known, list) and not (made and known)):
        return []
    if isinstance(made, list) and isinstance(known, list):
        return differences(made[0], known[0], f"{at}[]")
    if isinstance(made, dict) and isinstance(known, dict):
        odd = [f"{at}.{key}" for key in made.keys() ^ known.keys()]
        return odd + [
            line for key in made.keys() & known.keys() for line in differences(made[key], known[key], f"{at}.{key}")
        ]
    return [] if made == known else [f"{at}: {made} is no {known}"]


def talking() -> History:
    """Return an account in which somebody has written and been answered."""
    history = History()
    made = history.happen("lead.created", "phone")["prospect"]
    prospect = history.store.prospects.get(made["id"])
    assert prospect is not None
    prospect.leads = (LeadData(prospect.created, "WHATSAPP"),)
    history.happen("interaction.created", "inbound")
    history.happen("interaction.created", "outbound")
    return history


def archived() -> dict[str, Any]:
    history = talking()
    history.happen("lead.updated", "labelled")
    history.happen("lead.updated", "asked again")
    # The sample's second lead is from an advertisement, which the first is not.
    made = history.happen("lead.archived", lastName="Exemplo")
    made["prospect"]["leads"].reverse()
    return made


MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "interaction-inbound-text": lambda: talking().happen("interaction.created", "inbound"),
    "interaction-outbound-text": lambda: talking().happen("interaction.created", "outbound"),
    "assumed-interaction-inbound-image": lambda: talking().happen("interaction.created", "image"),
    "assumed-interaction-note": lambda: talking().happen("interaction.created", "note"),
    "assumed-prospect-created": lambda: History().happen("lead.created", "social"),
    "assumed-prospect-archived": archived,
    "assumed-quote-updated": lambda: talking().happen("quote.updated", "accepted"),
    "assumed-agent-updated": lambda: talking().happen("agent.updated"),
    "messaging-message": lambda: messaging("interaction.created", "inbound", {}),
    "messaging-conversation-closed": lambda: messaging("interaction.resolved", None, {}),
}


@pytest.mark.parametrize("name", MADE)
def test_a_sample_is_like_the_payload(name: str) -> None:
    known, made = json.loads(payload(name)), MADE[name]()
    if "leads" in known.get("prospect", {}):
        known["prospect"]["leads"].reverse()
    assert differences(shape(made), shape(known)) == []
    assert list(made) == list(known)
    assert (made.get("topic"), made["type"]) == (known.get("topic"), known["type"])
    for key in ("interaction", "message", "conversation", "quote"):
        assert list(made.get(key, {})) == list(known.get(key, {}))


@pytest.mark.parametrize("name", ["interaction-inbound-text", "interaction-outbound-text", "assumed-interaction-note"])
def test_an_interaction_has_the_direction_of_the_payload(name: str) -> None:
    def marks(envelope: dict[str, Any]) -> list[Any]:
        one = envelope["interaction"]
        message = one["output"].get("message", {})
        # Of a number, whether it has a "+".
        signs = [message.get(end, "")[:1] == "+" for end in ("sender", "recipient")]
        return [one["proactive"], one["status"], one["via"], message.get("performer"), message.get("delivered"), *signs]

    assert marks(MADE[name]()) == marks(json.loads(payload(name)))


def test_times_and_ids_belong_together() -> None:
    made = talking().happen("interaction.created", "inbound")
    interaction, prospect = made["interaction"], made["prospect"]
    assert made["operationId"] == interaction["id"]
    assert made["updatedAt"] == interaction["createdAt"] == interaction["finishedAt"]
    assert made["received"] == made["sent"] > made["updatedAt"]
    assert interaction["prospectId"] == prospect["id"]
    assert interaction["agent"] == prospect["agent"]
    assert interaction["output"]["message"]["sender"] == prospect["phones"][0]
    # The last inbound message and 24 hours, to the millisecond.
    assert prospect["whatsAppDueAt"][10:] == interaction["createdAt"][10:]
    assert prospect["whatsAppDueAt"] > interaction["createdAt"]
