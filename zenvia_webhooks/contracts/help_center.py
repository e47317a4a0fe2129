"""Contract `help_center`: Zenvia's help-centre article "Notifications and WebHooks" (Dec 2024).

Published: the base address, Bearer authorization, POST and GET of `/subscriptions`, the topics `lead.created` and
`interaction.resolved`, and one example of a webhook. Not published, and assumed here: the path of DELETE, what POST
answers, the wire string of quote updates, and the `data` of the other two topics.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote as percent_encode

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.contracts.base import Call, Credentials, Notification, RemoteSubscription
from zenvia_webhooks.contracts.conversion_values import read_quote
from zenvia_webhooks.contracts.lenient import first_text, instant, mapping, string, text
from zenvia_webhooks.contracts.listing import ObjectList
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote

NAME = "help_center"
API_URL = "https://api.zenvia.com/v1"
TOPICS: Mapping[str, str] = {
    "lead.created": "lead.created",
    "quote.updated": "quote.updated",
    "interaction.resolved": "interaction.resolved",
}
TOPICS_PER_SUBSCRIPTION: int | None = 1
REPLACES = False
LISTS: Sequence[ObjectList] = ()
ARRIVING: Sequence[str] = tuple(TOPICS)
_EXACTLY_ONE = _("the contract {contract} has exactly one topic a subscription, not {number}")
#: The object of each resource → under which keys its id may be.
IDS = {"lead": ("leadId", "id"), "quote": ("quoteId", "id"), "interaction": ("interactionId", "id")}


def credentials(api_key: str) -> Credentials:
    """Return the Bearer header."""
    return Credentials(headers={"Authorization": f"Bearer {api_key}"})


def wire_topic(topic: str, wire_topics: Mapping[str, str]) -> str:
    """Return what Zenvia calls a canonical topic."""
    return wire_topics.get(topic) or TOPICS.get(topic, topic)


def canonical_topic(wire: str, wire_topics: Mapping[str, str]) -> str:
    """Return what we call a topic of Zenvia's."""
    renamed = {theirs: ours for ours, theirs in {**TOPICS, **wire_topics}.items()}
    return renamed.get(wire, wire)


def list_call() -> Call:
    """Ask for every subscription of the key."""
    return Call(method="GET", path="/subscriptions")


def create_call(topics: Sequence[str], callback_url: str, wire_topics: Mapping[str, str]) -> Call:
    """Ask for a subscription of one topic.

    Raises ValueError for more or fewer than one.
    """
    if len(topics) != 1:
        raise ValueError(format_lazy(_EXACTLY_ONE, contract=NAME, number=len(topics)))
    body = {"topic": wire_topic(topics[0], wire_topics), "callbackUrl": callback_url}
    return Call(method="POST", path="/subscriptions", body=body)


def delete_call(remote_id: str) -> Call:
    """Ask for a subscription to be removed. The path is not published."""
    return Call(method="DELETE", path=f"/subscriptions/{percent_encode(remote_id, safe='')}")


def topics_call() -> Call | None:
    """Return None: there is no such call."""
    return None


def check_call() -> Call:
    """Ask for the list: there is no call for the key alone."""
    return list_call()


def lead_call(lead_id: str) -> Call | None:  # the contract's signature
    """Return None: no such call is published."""
    return None


def read_list(reply: object, wire_topics: Mapping[str, str]) -> list[RemoteSubscription]:
    """Read `[{"id", "topic", "callbackUrl"}, ...]`; what has no callback URL is nobody's, and left out."""
    if not isinstance(reply, list):
        raise ValueError(_("a list of subscriptions was due"))
    calls = [row for row in reply if not isinstance(row, dict) or text(row.get("callbackUrl"))]
    return [read_subscription(row, wire_topics) for row in calls]


def read_subscription(reply: object, wire_topics: Mapping[str, str]) -> RemoteSubscription:
    """Read `{"id", "topic", "callbackUrl"}`; an id that is a whole number is taken for its digits."""
    row = reply if isinstance(reply, dict) else {}
    remote_id, topic, callback_url = text(row.get("id")), text(row.get("topic")), text(row.get("callbackUrl"))
    if remote_id is None or topic is None or callback_url is None:
        raise ValueError(_('a subscription with "id", "topic" and "callbackUrl" was due'))
    return RemoteSubscription(id=remote_id, topics=(canonical_topic(topic, wire_topics),), callback_url=callback_url)


def read_topics(reply: object, wire_topics: Mapping[str, str]) -> list[str]:
    """Raise ValueError: there is no such answer."""
    raise ValueError(format_lazy(_("the contract {contract} has no list of topics"), contract=NAME))


def hint(status: int, *, is_empty: bool) -> str | Promise:
    """Return nothing: no errors are published."""
    return ""


def advice(topics: Collection[str], wire_topics: Mapping[str, str], *, wants_resolved: bool) -> str:
    """Return nothing: each topic comes by itself."""
    return ""


def recognise(envelope: Mapping[str, Any]) -> bool:
    """Know `{"topic": "...", "eventTime": "...", "data": {...}}` by its topic and data."""
    return string(envelope.get("topic")) is not None and isinstance(envelope.get("data"), dict)


def read_notification(
    envelope: Mapping[str, Any], wire_topics: Mapping[str, str], resolved_statuses: Sequence[str]
) -> Notification:
    """Read topic and `eventTime`."""
    return Notification(
        topic=canonical_topic(envelope["topic"].strip(), wire_topics),
        occurred_at=instant(envelope.get("eventTime")),
    )


def identity(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return all of it: nothing in this envelope is known to change between attempts."""
    return envelope


def data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return `data`."""
    return mapping(envelope.get("data"))


def object_id(topic: str, envelope: Mapping[str, Any]) -> str | None:
    """Return resource and id."""
    resource = topic.partition(".")[0]
    named = first_text(data(envelope), *IDS.get(resource, ("id",)))
    return named and f"{resource}:{named}"


def lead(topic: str, envelope: Mapping[str, Any]) -> Lead | None:
    """Read the published fields; on another topic than a lead's, None where none of them is there."""
    about = data(envelope)
    lead_id, name = first_text(about, "leadId"), first_text(about, "name")
    email, phone = first_text(about, "email"), first_text(about, "phone")
    if not topic.startswith("lead.") and lead_id is name is email is phone is None:
        return None
    return Lead(
        lead_id=lead_id,
        name=name,
        email=email,
        phone=phone,
        emails=(email,) if email else (),
        phones=(phone,) if phone else (),
    )


def quote(topic: str, envelope: Mapping[str, Any]) -> Quote | None:
    """Read leniently, under the names that this API or its sibling uses."""
    if not topic.startswith("quote."):
        return None
    about = data(envelope)
    return Quote(
        quote_id=first_text(about, "quoteId", "id"),
        lead_id=first_text(about, "leadId", "prospectId"),
        **read_quote(about),
    )


def interaction(topic: str, envelope: Mapping[str, Any]) -> Interaction | None:
    """Read leniently, under the names that this API or its sibling uses."""
    if not topic.startswith("interaction."):
        return None
    about = data(envelope)
    return Interaction(
        interaction_id=first_text(about, "interactionId", "id"),
        lead_id=first_text(about, "leadId", "prospectId"),
        status=first_text(about, "status"),
        via=first_text(about, "via", "channel"),
        finished_at=instant(about.get("finishedAt")),
        created_at=instant(about.get("createdAt")),
    )
