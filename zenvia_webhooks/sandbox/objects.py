"""The stand-in Zenvia's objects as JSON, key for key like the captured ones (ZENVIA.md 5 and 6, `payloads/`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from zenvia_webhooks.sandbox.object_ids import derived_id, timestamp
from zenvia_webhooks.sandbox.people import invent_person
from zenvia_webhooks.sandbox.phrases import AD
from zenvia_webhooks.sandbox.records import Agent, Change, Interaction, LeadData, Prospect, Quote

ACCOUNT = {"account": "Empresa Exemplo", "accountId": "608fe5c0ff00ff11ff22ff01"}
GROUP = {"group": "Loja Centro", "groupId": "620bea20bb00bb11bb22bb01"}
INITIAL_GROUP = {"initialGroup": "Loja Norte", "initialGroupId": "620beb10bb00bb11bb22bb02"}
#: From the event until Zenvia's notifier had it, in the capture.
NOTIFIED_AFTER = timedelta(milliseconds=147)
#: How long the person may be written to on WhatsApp.
WHATSAPP_WINDOW = timedelta(hours=24)
#: By then an outbound message has been delivered.
DELIVERED_AFTER = timedelta(minutes=7)
PROVIDERS = {"WHATSAPP": "wasp", "INSTAGRAM": "instagram", "FACEBOOK": "facebook-messenger"}


def envelope(change: Change) -> dict[str, Any]:
    """Return the webhook of a change, with an invented `subscriptionId` that its delivery replaces.

    `{"subscriptionId", "topic", "type", "received", "sent", "attempts", "prospect"?, "updatedAt", "operationId"}`, and
    `interaction`, `quote` or `agent`.
    """
    received = timestamp(change.at + NOTIFIED_AFTER)
    objects: dict[str, Any] = {}
    if isinstance(change.about, Interaction):
        objects["interaction"] = interaction_json(change.about, settled=change.type == "updated")
    elif isinstance(change.about, Quote):
        objects["quote"] = quote_json(change.about)
    elif isinstance(change.about, Agent):
        objects["agent"] = agent_json(change.about) | {"legacyId": "V-017", "externalId": {"erp": "4711"}}
    return {
        "subscriptionId": derived_id(change.operation_id, "f"),
        "topic": change.topic,
        "type": change.type,
        "received": received,
        "sent": received,
        "attempts": 1,
        **({"prospect": prospect_json(change.prospect, in_webhook=True)} if change.prospect else {}),
        "updatedAt": timestamp(change.at),
        "operationId": change.operation_id,
        **objects,
    }


def prospect_json(prospect: Prospect, *, in_webhook: bool = False) -> dict[str, Any]:
    """Return a Prospect; the webhook's alone has `whatsAppDueAt`."""
    person, by_phone = invent_person(prospect.number), prospect.medium == "phone"
    medium = {"_id": derived_id(prospect.id, "1"), "type": prospect.medium}
    due_at = prospect.last_inbound_at if in_webhook and by_phone else None
    shown: dict[str, Any] = {
        "id": prospect.id,
        "created": timestamp(prospect.created),
        "transferredAt": None,
        **GROUP,
        **ACCOUNT,
        **INITIAL_GROUP,
        "firstName": person.name if by_phone else person.email.partition("@")[0],
        "nin": [],
        "userMade": False,
        "status": prospect.status,
        "additionalData": {},
        "phones": [person.phone] if by_phone else [],
        # Whoever writes on WhatsApp has not been asked for an address.
        "emails": [person.email] if by_phone and prospect.leads[0].source != "WHATSAPP" else [],
        "contactMediums": [medium if by_phone else {**medium, "mediumId": person.social_id}],
        "leads": [_lead_json(prospect, lead) for lead in prospect.leads],
        **({"whatsAppDueAt": timestamp(due_at + WHATSAPP_WINDOW)} if due_at else {}),
    }
    if prospect.agent:
        shown |= {
            "agent": agent_json(prospect.agent),
            "assigned": timestamp(prospect.created + timedelta(milliseconds=400)),
        }
    shown["firstContactedAt"] = timestamp(prospect.created + timedelta(milliseconds=619))
    if prospect.status == "archived":
        shown["archivingReason"] = prospect.archiving_reason
    if prospect.label:
        shown["label"] = prospect.label
    return shown | (prospect.fields or {})


def _lead_json(prospect: Prospect, lead: LeadData) -> dict[str, Any]:
    lead_id = derived_id(prospect.id, "2")
    person = invent_person(prospect.number)
    names = ("campaign", "medium", "utmSource", "utmMedium", "utmCampaign") if lead.from_ad else ("utmSource",)
    values = {
        "campaign": "120200000000000001",
        "medium": "ctwa",
        "utmSource": lead.source,
        "utmMedium": "ctwa",
        "utmCampaign": "120200000000000001",
    }
    uuid = f"{lead_id[:8]}-1111-4222-8333-{lead_id[12:]}"
    return {
        "created": timestamp(lead.created + timedelta(milliseconds=35)),
        "source": lead.source,
        **{name: values[name] for name in names},
        "providerKey": PROVIDERS.get(lead.source, "api.leads:write"),
        "comments": AD[person.country.language] if lead.from_ad else "",
        "providerLeadId": f"{uuid}_{person.phone[1:]}" if lead.source == "WHATSAPP" else lead_id,
        "type": "retail",
    }


def agent_json(agent: Agent) -> dict[str, Any]:
    """Return an Agent."""
    person = invent_person(agent.number)
    return {
        "id": agent.id,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "phone": person.phone,
        "email": person.email,
        "appFields": {},
    }


def interaction_json(interaction: Interaction, *, settled: bool = False) -> dict[str, Any]:
    """Return an Interaction: as it was when it happened, or `settled`, as it is listed later (ZENVIA.md 2.3).

    An outbound message has then been delivered: `status`, `finishedAt` and `delivered` are others.
    """
    at, output, status = interaction.created_at, interaction.output, interaction.status
    finished_at = at
    if settled and interaction.proactive and "message" in output:
        output = {**output, "message": {**output["message"], "delivered": True}}
        finished_at = at + DELIVERED_AFTER
        status = "updated" if status == "created" else status
    by = {"agentId": interaction.agent.id, "agent": agent_json(interaction.agent)} if interaction.agent else {}
    return {
        "id": interaction.id,
        "createdAt": timestamp(at),
        "status": status,
        "prospectId": interaction.prospect_id,
        **by,
        **({"bot": True} if interaction.bot else {}),
        "finishedAt": timestamp(finished_at),
        "proactive": interaction.proactive,
        "output": output,
        "via": interaction.via,
        **(interaction.fields or {}),
    }


def quote_json(quote: Quote) -> dict[str, Any]:
    """Return a Quote."""
    decided = {"acceptedAt": quote.accepted_at, "rejectedAt": quote.rejected_at}
    return {
        "id": quote.id,
        "prospectId": quote.prospect_id,
        "status": quote.status,
        "items": list(quote.items),
        "total": round(sum(item["quantity"] * item["price"] for item in quote.items), 2),
        "createdAt": timestamp(quote.created_at),
        **{key: timestamp(at) for key, at in decided.items() if isinstance(at, datetime)},
        "additionalData": {},
        **(quote.fields or {}),
    }
