"""Every sample of what Zenvia really sends, through the webhook and a worker: what comes out, and who gets it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.support.paths import PAYLOADS
from tests.support.webhooks import payload, post
from zenvia_webhooks import signals
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import EventSignal

ANA = "69af014baa00aa11aa22aa01"
IN, OUT = "+5511900000001", "551140000000"

#: File → contract, topic, kind, direction, text, the signal besides `event_received`.
TABLE = {
    "interaction-inbound-text": (
        *("conversion", "interaction.created", "message", "inbound"),
        *("Olá, ainda tem em azul?", "message_received"),
    ),
    "interaction-outbound-text": (
        *("conversion", "interaction.created", "message", "outbound"),
        *("Tem sim, reservo para você?", "message_sent"),
    ),
    "assumed-interaction-inbound-image": (
        *("conversion", "interaction.created", "message", "inbound"),
        *(None, "message_received"),
    ),
    "assumed-interaction-note": ("conversion", "interaction.created", "note", None, None, None),
    "assumed-prospect-created": ("conversion", "lead.created", None, None, None, "lead_created"),
    "assumed-prospect-archived": ("conversion", "lead.archived", None, None, None, "interaction_resolved"),
    "assumed-quote-updated": ("conversion", "quote.updated", None, None, None, "quote_updated"),
    "assumed-agent-updated": ("conversion", "agent.updated", None, None, None, None),
    "messaging-message": (
        *("messaging", "interaction.created", "message", "inbound"),
        *("Olá, ainda tem em azul?", "message_received"),
    ),
    "messaging-conversation-closed": ("messaging", "interaction.resolved", None, None, None, "interaction_resolved"),
}

#: File → value → its fields, of which those that are not here are None or empty.
VALUES: dict[str, dict[str, dict[str, Any]]] = {
    "interaction-inbound-text": {
        "interaction": {
            "interaction_id": "69b01793ee00ee11ee22ee01",
            "lead_id": ANA,
            "status": "created",
            "via": "whatsApp",
            "agent": "Beatriz Exemplo",
            "sender": IN,
            "recipient": OUT,
            "created_at": datetime(2026, 3, 10, 13, 7, 31, 204000, tzinfo=UTC),
            "finished_at": datetime(2026, 3, 10, 13, 7, 31, 204000, tzinfo=UTC),
        },
        "lead": {
            "lead_id": ANA,
            "name": "Ana Paz",
            "phone": IN,
            "phones": (IN,),
            "status": "followUp",
            "agent": "Beatriz Exemplo",
            "group": "Loja Centro",
            "group_id": "620bea20bb00bb11bb22bb01",
            "source": "WHATSAPP",
            "created_at": datetime(2026, 3, 9, 17, 20, 11, 604000, tzinfo=UTC),
        },
    },
    "interaction-outbound-text": {"interaction": {"sender": OUT, "recipient": "5511900000001"}},
    "assumed-interaction-inbound-image": {
        "interaction": {
            "attachment": {"type": "IMAGE", "url": "https://media.example/0a1b2c3d.jpg"},
            "sender": IN,
        }
    },
    "assumed-interaction-note": {
        "interaction": {"note": "Prefere ser atendida à tarde.", "via": "other", "agent": "Beatriz Exemplo"}
    },
    "assumed-prospect-created": {
        "lead": {
            "lead_id": "69b03936aa00aa11aa22aa02",
            "name": "bia.demo",
            "status": "unclaimed",
            "source": "INSTAGRAM",
            "phone": None,
            "email": None,
            "social_ids": ({"type": "instagram", "id": "1000000000000001"},),
        }
    },
    "assumed-prospect-archived": {
        "lead": {
            "status": "archived",
            "label": "hot",
            "archiving_reason": "converted",
            "campaign": "120200000000000001",
            "medium": "ctwa",
            "comments": "Anúncio de março",
        },
        "interaction": {
            "interaction_id": None,
            "lead_id": ANA,
            "status": "archived",
            "reason": "converted",
            "agent": "Beatriz Exemplo",
            "finished_at": None,
        },
    },
    "assumed-quote-updated": {
        "quote": {
            "quote_id": "69b15940ab00ab11ab22ab01",
            "lead_id": ANA,
            "status": "accepted",
            "total": Decimal("2019.9"),
            "accepted_at": datetime(2026, 3, 12, 17, 58, 40, 264000, tzinfo=UTC),
            "rejected_at": None,
            "items": (
                {
                    "quantity": Decimal(1),
                    "price": Decimal("1899.9"),
                    "concept": "Bicicleta aro 29",
                    "code": "BIKE-29",
                },
                {"quantity": Decimal(1), "price": Decimal(120), "concept": "Montagem", "code": None},
            ),
        },
        "lead": {"lead_id": ANA},
    },
    "assumed-agent-updated": {},
    "messaging-message": {
        "interaction": {"via": "whatsapp", "sender": "5511900000001", "recipient": OUT, "lead_id": None},
        "lead": {"lead_id": None, "name": "Ana Paz", "phone": "5511900000001"},
    },
    "messaging-conversation-closed": {
        "interaction": {
            "interaction_id": "69b01793ac00ac11ac22ac01",
            "status": "CONVERSATION_CLOSED",
            "via": "whatsapp",
            "reason": "converted",
            "agent": "64789650cc00cc11cc22cc01",
            "finished_at": datetime(2026, 3, 12, 18, 0, 5, 77000, tzinfo=UTC),
        },
        "lead": {"phone": "5511900000001"},
    },
}

fired: list[str] = []


class Listener:
    """Notes that its signal fired."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, sender: Any, event: Event, **kwargs: Any) -> None:
        fired.append(self.name)


@pytest.fixture
def everybody_listens(request: pytest.FixtureRequest) -> None:
    fired.clear()
    for name, signal in vars(signals).items():
        if isinstance(signal, EventSignal):
            signal.connect(Listener(name), dispatch_uid=name)


def handed_out(client: Client, subscription: Subscription, name: str) -> Event:
    """Post a sample, have it handed out, and return its event."""
    assert post(client, subscription, payload(name)).status_code == 200
    dispatch_due()
    event = Event.objects.get()
    assert (event.status, bytes(event.body)) == (Event.Status.DISPATCHED, payload(name))
    return event


def test_every_sample_is_in_the_table() -> None:
    of_help_center = {"lead_created", "quote_updated", "interaction_resolved", "unknown_topic"}
    assert {file.stem for file in PAYLOADS.glob("*.json")} - of_help_center == set(TABLE) == set(VALUES)


@pytest.mark.usefixtures("everybody_listens")
@pytest.mark.parametrize("name", TABLE)
def test_topic_kind_direction_text_and_signal(client: Client, subscription: Subscription, name: str) -> None:
    contract, topic, kind, direction, text, signal = TABLE[name]
    event = handed_out(client, subscription, name)
    assert (event.contract, event.topic) == (contract, topic)
    interaction = event.interaction
    assert (interaction is None) is (not topic.startswith("interaction.") and topic != "lead.archived")
    if interaction is not None:
        assert (interaction.kind, interaction.direction, interaction.text) == (kind, direction, text)
    assert fired == [*([signal] if signal else []), "event_received"]


@pytest.mark.usefixtures("everybody_listens")
@pytest.mark.parametrize("name", VALUES)
def test_values(client: Client, subscription: Subscription, name: str) -> None:
    event = handed_out(client, subscription, name)
    told = {value: getattr(event, value) for value in VALUES[name]}
    for value, fields in VALUES[name].items():
        for field, expected in fields.items():
            assert plain(getattr(told[value], field)) == expected, f"{value}.{field}"
    if "quote" not in VALUES[name]:
        assert event.quote is None
    assert event.data["id"]
    assert event.occurred_at is not None


def plain(value: Any) -> Any:
    """Return small values as dicts."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return dict(vars(value)) if hasattr(value, "__dataclass_fields__") else value
