"""What an envelope of the contract `conversion` says about lead, quote and interaction; odd parts are None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenvia_webhooks.contracts.base import Interaction, Lead, Quote
from zenvia_webhooks.contracts.reading import amount, first_text, instant, mapping, text, texts

#: The key of an interaction's message → which way it went.
DIRECTIONS = {"output": "outbound", "input": "inbound"}


def lead(topic: str, envelope: Mapping[str, Any]) -> Lead | None:
    """Read `prospect`; on another topic than a lead's, None where nothing says who it is."""
    prospect = mapping(envelope.get("prospect"))
    emails, phones = texts(prospect.get("emails")), texts(prospect.get("phones"))
    found = Lead(
        lead_id=first_text(prospect, "id") or _lead_id(envelope),
        name=_name(prospect),
        email=emails[0] if emails else None,
        phone=phones[0] if phones else None,
        emails=emails,
        phones=phones,
        status=first_text(prospect, "status"),
        agent=_agent(prospect.get("agent")) or first_text(prospect, "agentId"),
        group_id=first_text(prospect, "groupId") or first_text(mapping(prospect.get("group")), "id"),
        source=_source(prospect.get("leads")),
    )
    return found if topic.startswith("lead.") or found != Lead() else None


def quote(topic: str, envelope: Mapping[str, Any]) -> Quote | None:
    """Read `quote`; None on another topic than a quote's."""
    if not topic.startswith("quote."):
        return None
    about = mapping(envelope.get("quote"))
    return Quote(
        quote_id=first_text(about, "id"),
        lead_id=_lead_id(envelope),
        status=first_text(about, "status"),
        total=amount(about.get("total")),
        created_at=instant(about.get("createdAt")),
    )


def interaction(topic: str, envelope: Mapping[str, Any]) -> Interaction | None:
    """Read `interaction`; None on another topic than an interaction's."""
    if not topic.startswith("interaction."):
        return None
    about = mapping(envelope.get("interaction"))
    way = next((key for key in DIRECTIONS if isinstance(about.get(key), dict)), "")
    return Interaction(
        interaction_id=first_text(about, "id"),
        lead_id=_lead_id(envelope),
        status=first_text(about, "status"),
        via=first_text(about, "via"),
        direction=DIRECTIONS.get(way),
        text=_message(mapping(about.get(way))),
        agent=_agent_of_interaction(about, envelope),
        finished_at=instant(about.get("finishedAt")),
    )


def _lead_id(envelope: Mapping[str, Any]) -> str | None:
    owners = (mapping(envelope.get(key)) for key in ("quote", "interaction"))
    named = (first_text(owner, "prospectId") for owner in owners)
    return next((found for found in named if found), None) or first_text(mapping(envelope.get("prospect")), "id")


def _name(person: Mapping[str, Any]) -> str | None:
    parts = (first_text(person, "firstName"), first_text(person, "lastName"))
    return " ".join(part for part in parts if part) or first_text(person, "name")


def _agent(agent: object) -> str | None:
    person = mapping(agent)
    return _name(person) or first_text(person, "email", "id") or text(agent)


def _agent_of_interaction(about: Mapping[str, Any], envelope: Mapping[str, Any]) -> str | None:
    agent_id, of_lead = first_text(about, "agentId"), mapping(mapping(envelope.get("prospect")).get("agent"))
    # The lead's own seller need not be the one who wrote.
    if agent_id is not None and first_text(of_lead, "id") == agent_id:
        return _agent(of_lead)
    return _agent(about.get("agent")) or agent_id


def _source(leads: object) -> str | None:
    rows = leads if isinstance(leads, list) else []
    return next((source for row in rows if (source := first_text(mapping(row), "source")) is not None), None)


def _message(side: Mapping[str, Any]) -> str | None:
    message = side.get("message")
    return first_text(mapping(message), "text", "content", "body") or text(message)
