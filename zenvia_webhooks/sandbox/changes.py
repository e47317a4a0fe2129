"""What can happen to a prospect at Zenvia: it asks, is changed, asks again, is closed; and to quotes and agents."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from zenvia_webhooks.sandbox.people import invent_person
from zenvia_webhooks.sandbox.phrases import GOODS
from zenvia_webhooks.sandbox.records import Change, LeadData, Prospect, Quote
from zenvia_webhooks.sandbox.store import Store

#: Makes a change at a time; the prospect is the one that it is about.
Make = Callable[[Store, datetime, Prospect], Change]

REASONS = ("converted", "notInterested", "inactive", "wrongInfo", "outOfStock")
LABELS = ("hot", "warm", "cold")
#: One account's leads: most write on WhatsApp, one in ten on Instagram or Facebook.
SOURCES = ("WHATSAPP", "WHATSAPP", "WHATSAPP", "LANDING PAGE", "WHATSAPP", "WHATSAPP", "LANDING PAGE", "WHATSAPP")


def new_prospect(store: Store, at: datetime, *, social: bool | None = None) -> Prospect:
    """Add a person who asks for the first time; without `social`, one in ten has neither phone nor e-mail address."""
    number = store.next_number()
    social = random.random() < 0.1 if social is None else social
    medium = random.choice(("instagram", "facebook")) if social else "phone"
    source = medium.upper() if social else random.choice(SOURCES)
    unclaimed = social or random.random() < 0.1
    made = Prospect(
        id=store.ids.new(at),
        created=at,
        number=number,
        medium=medium,
        leads=(LeadData(at, source, from_ad=source == "WHATSAPP" and random.random() < 0.25),),
        status="unclaimed" if unclaimed else "new",
        agent=None if unclaimed else random.choice(store.agents),
    )
    return store.prospects.add(made)


def created(prospect: Prospect) -> Change:
    """Return what Zenvia reports of a prospect that is new."""
    return Change("prospects", "created", prospect.created, prospect, prospect, prospect.id)


def _updated(store: Store, at: datetime, prospect: Prospect) -> Change:
    return Change("prospects", "updated", at, prospect, prospect, store.ids.new(at))


def changed(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have an agent take the prospect and label it."""
    prospect.agent = prospect.agent or random.choice(store.agents)
    prospect.status = "followUp"
    prospect.label = random.choice([label for label in LABELS if label != prospect.label])
    return _updated(store, at, prospect)


def asked_again(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Merge a second lead of the same person into the prospect, whose `created` stays."""
    prospect.leads = (*prospect.leads, LeadData(at, prospect.leads[-1].source, from_ad=prospect.medium == "phone"))
    return _updated(store, at, prospect)


def archived(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have the agent close the prospect."""
    prospect.status = "archived"
    prospect.archiving_reason = random.choice(REASONS)
    return _updated(store, at, prospect)


def agent_changed(store: Store, at: datetime, kind: str) -> Change:
    """Report an agent, "created" or "updated"."""
    return Change("agents", kind, at, random.choice(store.agents), None, store.ids.new(at))


def quoted(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Make the prospect an offer."""
    concept, code, assembly = GOODS[invent_person(prospect.number).country.language]
    goods = {"quantity": 1, "price": random.randrange(50_000, 500_000) / 100, "concept": concept, "code": code}
    quote = Quote(
        id=store.ids.new(at),
        created_at=at,
        prospect_id=prospect.id,
        items=({**goods, "product": concept.split()[0]}, {"quantity": 1, "price": 120, "concept": assembly}),
    )
    prospect.quote = store.quotes.add(quote)
    return Change("quotes", "created", at, quote, prospect, quote.id)


def accepted(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have the prospect accept an offer that was made before."""
    quote = _open_quote(store, at, prospect)
    quote.status, quote.accepted_at = "accepted", at
    return Change("quotes", "updated", at, quote, prospect, store.ids.new(at))


def rejected(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have the prospect reject an offer that was made before."""
    quote = _open_quote(store, at, prospect)
    quote.status, quote.rejected_at = "rejected", at
    return Change("quotes", "updated", at, quote, prospect, store.ids.new(at))


def _open_quote(store: Store, at: datetime, prospect: Prospect) -> Quote:
    if prospect.quote is None or prospect.quote.status != "pending":
        quoted(store, max(at - timedelta(hours=1), prospect.created), prospect)
    quote = prospect.quote
    assert quote is not None  # noqa: S101 (quoted() has set it)
    return quote


#: Canonical topic → kind → what happens; the first kind is the usual one.
KINDS: Mapping[str, Mapping[str, Make]] = {
    "lead.updated": {"labelled": changed, "asked again": asked_again},
    "lead.archived": {"archived": archived},
    "quote.created": {"pending": quoted},
    "quote.updated": {"accepted": accepted, "rejected": rejected},
}
