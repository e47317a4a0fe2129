from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from zenvia_webhooks.contracts.masking import HIDDEN, hide, mask, masked
from zenvia_webhooks.contracts.values import (
    Attachment,
    Interaction,
    Lead,
    NationalId,
    Quote,
    QuoteItem,
    SocialId,
)

WHEN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Talita Cardoso", "T••••• C••••••"),
        ("João da Silva Neto", "J••• d• S•••• N•••"),
        ("+5511999998877", "+•••••••••••77"),
        ("+55 (11) 99999-8877", "+•• (••) •••••-••77"),
        ("ana.paz@mail.example", "a••.•••@••••.•••••••"),
        ("5511999998877@c.us", "•••••••••••77@•.••"),
        ("Ana Paz · +5511999998877", "A•• P•• · +•••••••••••77"),
        # Too short for a phone number: a flat, a year of birth.
        ("Ana 1987", "A•• ••••"),
        ("Jose\u0301", "J••••"),
        ("<b>Ana</b>", "••••••••••"),
        ("\nAna\x1b[2J", "•A••••••"),
        ("", ""),
    ],
)
def test_names_addresses_and_numbers(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_an_empty_text_is_not_said_to_be_hidden() -> None:
    assert (hide("How much is it?"), hide("")) == (HIDDEN, "")


@pytest.mark.parametrize("kind", [Lead, Quote, Interaction])
def test_of_a_value_what_nobody_has_looked_at_is_hidden(kind: type[Any]) -> None:
    whole: dict[str, Any] = {
        "product": {"name": "canary"},
        "social_ids": (SocialId(type="instagram", id="canary"),),
        "national_ids": (NationalId(type="CPF", number="12345678909"),),
        "items": (QuoteItem(price=Decimal(3), concept="canary", code="canary"),),
        "attachment": Attachment(type="IMAGE", url="https://canary.example"),
        "emails": ("canary@mail.example",),
        "phones": ("+5511999998877",),
        "total": Decimal("9.50"),
        **dict.fromkeys(("created_at", "accepted_at", "rejected_at", "finished_at"), WHEN),
    }
    names = [field.name for field in dataclasses.fields(kind)]
    value = kind(**{name: whole.get(name, f"canary of {name}") for name in names})
    shown = masked(value)
    told = {name for name in names if "canary" in str(getattr(shown, name)) or "99999" in str(getattr(shown, name))}
    assert (
        told
        == {
            Lead: {
                "lead_id",
                "status",
                "group_id",
                "group",
                "label",
                "archiving_reason",
                "source",
                "medium",
                "campaign",
            },
            Quote: {"quote_id", "lead_id", "status"},
            Interaction: {"interaction_id", "lead_id", "status", "via", "direction", "kind", "reason"},
        }[kind]
    )
    assert shown.created_at == WHEN


def test_what_is_not_there_stays_so() -> None:
    assert masked(Lead()) == Lead()
    assert masked(None) is None


def test_the_repr_of_a_value_tells_of_nobody() -> None:
    lead = Lead(lead_id="65c2", name="Ana Paz", phones=("+5511999998877",), social_ids=(SocialId(type="x", id="ana"),))
    assert "name='A•• P••', email=None, phone=None, emails=(), phones=('+•••••••••••77',)" in repr(lead)
    assert "SocialId(type='x', id='a••')" in repr(lead)
