"""What the stand-in Zenvia remembers of people, messages and quotes: small, so that 100,000 of them fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Agent(NamedTuple):
    """A consultant."""

    id: str
    #: Of `invent_person`.
    number: int


class LeadData(NamedTuple):
    """One time that a prospect asked."""

    created: datetime
    #: Such as "WHATSAPP".
    source: str
    #: Whether it came from an advertisement that opens WhatsApp.
    from_ad: bool = False


@dataclass(slots=True, kw_only=True)
class Interaction:
    """A message, note, call, question or transfer."""

    id: str
    created_at: datetime
    prospect_id: str
    status: str = "created"
    #: Such as "whatsApp".
    via: str
    #: False for what the person did.
    proactive: bool
    #: Who wrote; of an inbound message the owner of the prospect.
    agent: Agent | None = None
    bot: bool = False
    #: As it is on the wire, when it was new.
    output: dict[str, Any]
    fields: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Quote:
    """An offer."""

    id: str
    created_at: datetime
    prospect_id: str
    items: tuple[dict[str, Any], ...]
    #: "pending", "accepted" or "rejected".
    status: str = "pending"
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    fields: dict[str, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Prospect:
    """A person who asked, as Zenvia knows it now."""

    id: str
    created: datetime
    #: Of `invent_person`.
    number: int
    #: "phone", "facebook" or "instagram"; on the latter two there is neither a phone nor an e-mail address.
    medium: str = "phone"
    #: Oldest first.
    leads: tuple[LeadData, ...]
    status: str = "unclaimed"
    agent: Agent | None = None
    archiving_reason: str | None = None
    label: str | None = None
    last_inbound_at: datetime | None = None
    #: The latest message that went to the person, and the latest offer.
    outbound: Interaction | None = None
    quote: Quote | None = None
    #: What a caller wanted otherwise: JSON key → value.
    fields: dict[str, Any] | None = None


class Change(NamedTuple):
    """What happened at Zenvia: what its webhook is made of."""

    #: Wire topic, such as "prospects".
    topic: str
    #: Such as "created".
    type: str
    at: datetime
    about: Prospect | Interaction | Quote | Agent
    #: Whose it is; None for an agent.
    prospect: Prospect | None
    operation_id: str
