"""What an event says about a person, a quote or a conversation. What Zenvia did not say is None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from zenvia_webhooks.contracts.masking import Value


@dataclass(frozen=True, kw_only=True, repr=False)
class SocialId(Value):
    """What a social network knows a person by."""

    #: The network, such as "instagram" or "facebook".
    type: str
    id: str


@dataclass(frozen=True, kw_only=True, repr=False)
class NationalId(Value):
    """A number that a state has given a person or a company."""

    #: The document, such as "CPF", "CUIT" or "RFC".
    type: str | None = None
    number: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Lead(Value):
    """The person who asked (Zenvia: prospect)."""

    lead_id: str | None = None
    name: str | None = None
    #: The first of `emails`.
    email: str | None = None
    #: The first of `phones`, as Zenvia wrote it.
    phone: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    #: As Zenvia names it, such as "followUp" or "archived".
    status: str | None = None
    #: The seller in charge: the name, else the e-mail address, else the id.
    agent: str | None = None
    #: The group (team, branch) that it belongs to.
    group_id: str | None = None
    #: Where the person came from, such as "WHATSAPP". This and `medium`, `campaign`, `comments` and `product` are of
    #: the last time that the person asked.
    source: str | None = None
    #: The group's name.
    group: str | None = None
    #: A key of the account's own labels, such as "hot".
    label: str | None = None
    #: Why it was archived: a key of the account's own reasons, such as "converted".
    archiving_reason: str | None = None
    #: In UTC. It never changes, also if the same person asks again.
    created_at: datetime | None = None
    medium: str | None = None
    campaign: str | None = None
    comments: str | None = None
    #: As it came: its keys differ from one industry to the next.
    product: Mapping[str, Any] | None = field(default=None, hash=False)
    #: All that is known of many who write on Instagram or Facebook.
    social_ids: tuple[SocialId, ...] = ()
    national_ids: tuple[NationalId, ...] = ()


@dataclass(frozen=True, kw_only=True, repr=False)
class QuoteItem(Value):
    """A line of a quote."""

    quantity: Decimal | None = None
    price: Decimal | None = None
    concept: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Quote(Value):
    """An offer to a lead."""

    quote_id: str | None = None
    lead_id: str | None = None
    #: As Zenvia names it: "pending", "accepted" or "rejected".
    status: str | None = None
    total: Decimal | None = None
    #: In UTC, as the two below.
    created_at: datetime | None = None
    items: tuple[QuoteItem, ...] = ()
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Attachment(Value):
    """A picture, a voice message or another file that a message holds."""

    #: "IMAGE", "AUDIO", "VIDEO" or "FILE".
    type: str | None = None
    #: Zenvia has not published how long it works, and whether it asks for the API key.
    url: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Interaction(Value):
    """Something that happened between the company and a lead: a message, a note, a call, the end of a conversation."""

    interaction_id: str | None = None
    lead_id: str | None = None
    status: str | None = None
    #: The channel, such as "whatsApp".
    via: str | None = None
    #: "inbound" (from the lead) or "outbound" (to the lead); None for what is no message.
    direction: str | None = None
    #: What the message, or the question, says.
    text: str | None = None
    #: The seller: the name, else the e-mail address, else the id. Of an inbound message, who is in charge of the lead.
    agent: str | None = None
    #: In UTC. Under `conversion` it says nothing about whether a conversation is over.
    finished_at: datetime | None = None
    #: One of `KINDS`; None where nothing says.
    kind: str | None = None
    attachment: Attachment | None = None
    #: What a seller noted down.
    note: str | None = None
    #: Of a message: a number, or what a social network knows somebody by.
    sender: str | None = None
    recipient: str | None = None
    #: Name or id of the template that the message was made from.
    template: str | None = None
    #: Why the conversation was closed: a key of the account's own reasons, such as "converted".
    reason: str | None = None
    #: In UTC.
    created_at: datetime | None = None


#: What an interaction may be. One that is two at once is the first of them: a message is never hidden by a note.
KINDS = ("message", "question", "note", "call", "transfer", "other")
