"""What an envelope of the contract `conversion` says about lead, quote and interaction; odd parts are None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenvia_webhooks.contracts.conversion_envelope import ARCHIVED
from zenvia_webhooks.contracts.lenient import amount, first_text, instant, listed, mapping, text, texts
from zenvia_webhooks.contracts.values import (
    Attachment,
    Interaction,
    Lead,
    NationalId,
    Quote,
    QuoteItem,
    SocialId,
)

#: The `performer` of what a lead wrote; every other one works for the company.
INTEGRATION = "integration"
#: A `via` that is a telephone call.
CALLS = ("inboundCall", "outboundCall", "phoneCall")
#: Keys of the `output` of an interaction by which a lead came to another seller or group. (One t is Zenvia's own.)
TRANSFERS = ("transferedTo", "transferedToAgentId", "transferedToGroupId")
#: Mediums whose handle is not a social network's.
NOT_SOCIAL = ("phone", "email")


def lead(topic: str, envelope: Mapping[str, Any]) -> Lead | None:
    """Read `prospect`; on another topic than a lead's, None where nothing says who it is."""
    prospect = mapping(envelope.get("prospect"))
    emails, phones = texts(prospect.get("emails")), texts(prospect.get("phones"))
    # Zenvia lists the oldest first, and a person who asks again gets another; one that is new says nothing old.
    asked = (listed(prospect.get("leads")) or [{}])[-1]
    found = Lead(
        lead_id=first_text(prospect, "id") or _lead_id(envelope),
        name=name_of(prospect),
        email=emails[0] if emails else None,
        phone=phones[0] if phones else None,
        emails=emails,
        phones=phones,
        status=first_text(prospect, "status"),
        agent=_agent(prospect.get("agent")) or first_text(prospect, "agentId"),
        group_id=first_text(prospect, "groupId") or first_text(mapping(prospect.get("group")), "id"),
        source=first_text(asked, "source", "utmSource"),
        group=first_text(prospect, "group") or first_text(mapping(prospect.get("group")), "name", "displayName"),
        label=first_text(prospect, "label"),
        archiving_reason=first_text(prospect, "archivingReason"),
        created_at=instant(prospect.get("created")),
        medium=first_text(asked, "medium", "utmMedium"),
        campaign=first_text(asked, "campaign", "utmCampaign"),
        comments=first_text(asked, "comments"),
        product=mapping(asked.get("product")) or None,
        social_ids=_social_ids(prospect.get("contactMediums")),
        national_ids=_national_ids(prospect.get("nin")),
    )
    return found if topic.startswith("lead.") or found != Lead() else None


def quote(topic: str, envelope: Mapping[str, Any]) -> Quote | None:
    """Read `quote`; None on another topic than a quote's."""
    if not topic.startswith("quote."):
        return None
    about = mapping(envelope.get("quote"))
    return Quote(quote_id=first_text(about, "id"), lead_id=_lead_id(envelope), **read_quote(about))


def read_quote(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a quote says besides ids, as fields of `Quote`."""
    return {
        "status": first_text(about, "status"),
        "total": amount(about.get("total")),
        "created_at": instant(about.get("createdAt")),
        "items": tuple(
            QuoteItem(
                quantity=amount(item.get("quantity")),
                price=amount(item.get("price")),
                concept=first_text(item, "concept"),
                code=first_text(item, "code"),
            )
            for item in listed(about.get("items"))
        ),
        "accepted_at": instant(about.get("acceptedAt")),
        "rejected_at": instant(about.get("rejectedAt")),
    }


def interaction(topic: str, envelope: Mapping[str, Any]) -> Interaction | None:
    """Read `interaction`; of a lead that was archived, `prospect`; None on another topic than these."""
    prospect = mapping(envelope.get("prospect"))
    reason = first_text(prospect, "archivingReason")
    if topic == f"lead.{ARCHIVED}":
        return Interaction(
            lead_id=first_text(prospect, "id"),
            status=first_text(prospect, "status"),
            agent=_agent(prospect.get("agent")) or first_text(prospect, "agentId"),
            reason=reason,
        )
    if not topic.startswith("interaction."):
        return None
    about = mapping(envelope.get("interaction"))
    output = mapping(about.get("output"))
    message = _message(output)
    return Interaction(
        interaction_id=first_text(about, "id"),
        lead_id=_lead_id(envelope),
        status=first_text(about, "status"),
        via=first_text(about, "via"),
        direction=None if message is None else _direction(message, about),
        text=_text(output, message),
        agent=_agent_of_interaction(about, prospect),
        finished_at=instant(about.get("finishedAt")),
        kind=_kind(about, output, message),
        attachment=_attachment(mapping(message).get("attachment")),
        note=first_text(output, "comment"),
        sender=first_text(mapping(message), "sender"),
        recipient=first_text(mapping(message), "recipient"),
        template=first_text(mapping(message), "template"),
        reason=reason if topic == "interaction.resolved" else None,
        created_at=instant(about.get("createdAt")),
    )


def name_of(person: Mapping[str, Any]) -> str | None:
    """Return the full name of a lead, an agent or a visitor."""
    parts = (first_text(person, "firstName"), first_text(person, "lastName"))
    return " ".join(part for part in parts if part) or first_text(person, "name")


def _lead_id(envelope: Mapping[str, Any]) -> str | None:
    owners = (mapping(envelope.get(key)) for key in ("quote", "interaction"))
    named = (first_text(owner, "prospectId") for owner in owners)
    return next((found for found in named if found), None) or first_text(mapping(envelope.get("prospect")), "id")


def _agent(agent: object) -> str | None:
    person = mapping(agent)
    return name_of(person) or first_text(person, "email", "id") or text(agent)


def _agent_of_interaction(about: Mapping[str, Any], prospect: Mapping[str, Any]) -> str | None:
    agent_id, persons = first_text(about, "agentId"), (about.get("agent"), prospect.get("agent"))
    if agent_id is None:
        return _agent(persons[0])
    # Who has another id did something else: the lead's own seller need not be the one who wrote.
    ids = [first_text(mapping(person), "id") for person in persons]
    if agent_id in ids:
        return _agent(persons[ids.index(agent_id)])
    return (_agent(persons[0]) if ids[0] is None else None) or agent_id


def _social_ids(mediums: object) -> tuple[SocialId, ...]:
    named = ((first_text(row, "type"), first_text(row, "mediumId")) for row in listed(mediums))
    return tuple(SocialId(type=kind, id=handle) for kind, handle in named if kind and handle and kind not in NOT_SOCIAL)


def _national_ids(rows: object) -> tuple[NationalId, ...]:
    # Many come without their number, which is of no use.
    numbered = ((first_text(row, "type"), first_text(row, "number")) for row in listed(rows))
    return tuple(NationalId(type=kind, number=number) for kind, number in numbered if number)


def _message(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the message of an interaction, which may be empty, as a reaction is; None where there is none."""
    message = output.get("message")
    if (said := text(message)) is not None:
        return {"content": said}
    return message if isinstance(message, dict) else None


def _direction(message: Mapping[str, Any], about: Mapping[str, Any]) -> str | None:
    # Both directions are under `output.message`; `agent` is the one in charge in both.
    performer, proactive = first_text(message, "performer"), about.get("proactive")
    if performer is not None:
        return "inbound" if performer == INTEGRATION else "outbound"
    return ("outbound" if proactive else "inbound") if isinstance(proactive, bool) else None


def _text(output: Mapping[str, Any], message: Mapping[str, Any] | None) -> str | None:
    if message is not None:
        return first_text(message, "content", "body", "text")
    question = output.get("question")
    return text(question) or first_text(mapping(question), "question")


def _kind(about: Mapping[str, Any], output: Mapping[str, Any], message: Mapping[str, Any] | None) -> str | None:
    via = first_text(about, "via")
    # In the order of KINDS.
    found = {
        "message": message is not None,
        "question": bool(mapping(output.get("question"))) or text(output.get("question")) is not None,
        "note": first_text(output, "comment") is not None,
        "call": via in CALLS or isinstance(output.get("callSuccessful"), bool),
        # That of an assignment is empty.
        "transfer": any(output.get(key) for key in TRANSFERS) or (about.get("output") == {} and via == "other"),
        "other": bool(about),
    }
    return next((kind for kind, is_so in found.items() if is_so), None)


def _attachment(value: object) -> Attachment | None:
    rows = ((first_text(row, "type"), first_text(row, "url")) for row in listed(value))
    return next((Attachment(type=kind, url=url) for kind, url in rows if url), None)
