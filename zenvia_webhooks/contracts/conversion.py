"""Contract `conversion`: the Zenvia Conversion API 1.10.0, formerly Sirena (generated clients and live integrations).

Published: the calls below, `?api-key=`, one subscription a group, the topics, errors as `{"message", "code"}`.
What it posts is read in `conversion_envelope`; lead, quote and interaction in `conversion_values`.

`DELETE /notifications/subscriptions` would deactivate every subscription of the key, foreign ones included: never made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote as percent_encode

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.contracts.base import Call, Credentials, RemoteSubscription
from zenvia_webhooks.contracts.conversion_envelope import ARRIVING as ARRIVING
from zenvia_webhooks.contracts.conversion_envelope import OBJECTS as OBJECTS
from zenvia_webhooks.contracts.conversion_envelope import RESOURCES, resource_of
from zenvia_webhooks.contracts.conversion_envelope import USUAL_TYPE as USUAL_TYPE
from zenvia_webhooks.contracts.conversion_envelope import data as data
from zenvia_webhooks.contracts.conversion_envelope import identity as identity
from zenvia_webhooks.contracts.conversion_envelope import object_id as object_id
from zenvia_webhooks.contracts.conversion_envelope import read_notification as read_notification
from zenvia_webhooks.contracts.conversion_envelope import recognise as recognise
from zenvia_webhooks.contracts.conversion_values import interaction as interaction
from zenvia_webhooks.contracts.conversion_values import lead as lead
from zenvia_webhooks.contracts.conversion_values import quote as quote
from zenvia_webhooks.contracts.lenient import mapping, text
from zenvia_webhooks.contracts.listing import ObjectList

NAME = "conversion"
API_URL = "https://conversion.zenvia.com/v1"
TOPICS: Mapping[str, str] = {
    "lead.created": "prospects",
    "quote.updated": "quotes",
    "interaction.created": "interactions",
    "agent.created": "agents",
}
TOPICS_PER_SUBSCRIPTION: int | None = None
REPLACES = True
QUOTES = ObjectList(name="quotes", resource="quote", path="/prospects/quotes", key="quote")
LISTS: Sequence[ObjectList] = (
    # Leads first: whoever asked is then known when a message of theirs comes up.
    ObjectList(
        name="leads", resource="lead", path="/prospects", key="prospect", date_key="created", created_key="created"
    ),
    ObjectList(name="interactions", resource="interaction", path="/prospects/interactions", key="interaction"),
    QUOTES,
    replace(QUOTES, name="quotes accepted", date="accepted", date_key="acceptedAt"),
    replace(QUOTES, name="quotes rejected", date="rejected", date_key="rejectedAt"),
)

COLLECTION = "/notifications/subscriptions"
#: Domains under which it was reached as Sirena; their names no longer resolve.
FORMER_DOMAINS = ("getsirena.com", "sirena.app")

#: HTTP status → what integrations have learnt about it.
HINTS = {
    403: _("the key lacks a scope? A new scope takes 15 to 20 minutes to work"),
    409: _("the key belongs to no user, which a call as a user needs"),
    429: _("too many calls; Zenvia has published no limit, so wait some minutes"),
}


def credentials(api_key: str) -> Credentials:
    """Return the query parameter."""
    return Credentials(params={"api-key": api_key})


def wire_topic(topic: str, wire_topics: Mapping[str, str]) -> str:
    """Return the wire topic of a canonical topic's resource: one can't subscribe to less."""
    if topic in wire_topics:
        return wire_topics[topic]
    resource, dot, _type = topic.partition(".")
    if not dot:
        return topic
    theirs = {ours.partition(".")[0]: wire for ours, wire in wire_topics.items()}
    plural = {ours: wire for wire, ours in RESOURCES.items()}
    return theirs.get(resource) or plural.get(resource, f"{resource}s")


def canonical_topic(wire: str, wire_topics: Mapping[str, str]) -> str:
    """Return the canonical topic that stands for all of a resource's: "prospects" → "lead.created"."""
    renamed = {theirs: ours for ours, theirs in {**TOPICS, **wire_topics}.items()}
    return renamed.get(wire) or f"{resource_of(wire, wire_topics)}.{USUAL_TYPE}"


def list_call() -> Call:
    """Ask for every subscription of the key."""
    return Call(method="GET", path=COLLECTION)


def create_call(topics: Sequence[str], callback_url: str, wire_topics: Mapping[str, str]) -> Call:
    """Ask for a subscription of one or more topics, which deactivates the one that there is.

    Raises ValueError for none.
    """
    if not topics:
        text = _("the contract {contract} has at least one topic a subscription")
        raise ValueError(format_lazy(text, contract=NAME))
    wire = list(dict.fromkeys(wire_topic(topic, wire_topics) for topic in topics))
    return Call(method="POST", path=COLLECTION, body={"topics": wire, "callbackUrl": callback_url})


def delete_call(remote_id: str) -> Call:
    """Ask for one subscription to be removed; the answer is the subscription."""
    return Call(method="DELETE", path=_path(remote_id))


def _path(remote_id: str) -> str:
    # Singular, unlike the collection's.
    return f"/notifications/subscription/{percent_encode(remote_id, safe='')}"


def topics_call() -> Call | None:
    """Ask which topics there are."""
    return Call(method="GET", path="/notifications/topics")


def check_call() -> Call:
    """Ask whether the key is good; the answer has no body."""
    return Call(method="GET", path="/checkCredentials")


def lead_call(lead_id: str) -> Call | None:
    """Ask for one prospect."""
    return Call(method="GET", path=f"/prospect/{percent_encode(lead_id, safe='')}")


def read_list(reply: object, wire_topics: Mapping[str, str]) -> list[RemoteSubscription]:
    """Read `[{"id", "topics", "callbackUrl"}, ...]`."""
    if not isinstance(reply, list):
        raise ValueError(_("a list of subscriptions was due"))
    return [read_subscription(row, wire_topics) for row in reply]


def read_subscription(reply: object, wire_topics: Mapping[str, str]) -> RemoteSubscription:
    """Read `{"id", "topics", "callbackUrl"}`; an id that is a whole number is taken for its digits.

    One without a callback URL has an empty one: it is foreign, and a new subscription would replace it.
    """
    row = mapping(reply)
    remote_id, topics, callback_url = text(row.get("id")), row.get("topics"), row.get("callbackUrl")
    names = [text(topic) for topic in topics] if isinstance(topics, list) else [None]
    if remote_id is None or None in names or not isinstance(callback_url, str | None):
        raise ValueError(_('a subscription with "id", "topics" and "callbackUrl" was due'))
    canonical = dict.fromkeys(canonical_topic(name, wire_topics) for name in names if name is not None)
    return RemoteSubscription(id=remote_id, topics=tuple(canonical), callback_url=(callback_url or "").strip())


def read_topics(reply: object, wire_topics: Mapping[str, str]) -> list[str]:
    """Read `[{"name", "description"}, ...]`."""
    names = [text(mapping(row).get("name")) for row in reply] if isinstance(reply, list) else [None]
    if None in names:
        raise ValueError(_('a list of topics with "name" was due'))
    return list(dict.fromkeys(canonical_topic(name, wire_topics) for name in names if name is not None))


def hint(status: int, *, is_empty: bool) -> str | Promise:
    """Return what integrations have learnt about Zenvia's errors."""
    if status == 404 and is_empty:
        return _(
            "without a body, it is mostly an id that Zenvia does not know; if every call is answered so, see API_URL"
        )
    return HINTS.get(status, "")


def advice(topics: Collection[str], wire_topics: Mapping[str, str], *, wants_resolved: bool) -> str:
    """Say that what a consultant closes comes with `prospects`, where that is wanted and they are not subscribed."""
    is_wanted = wants_resolved or "interaction.resolved" in topics
    if not is_wanted or wire_topic("lead.created", wire_topics) in {wire_topic(topic, wire_topics) for topic in topics}:
        return ""
    return gettext(
        "A conversation that a consultant closes comes as a lead that is archived, with the topic lead.created "
        "(prospects), which is not subscribed: without it, interaction_resolved hardly ever fires."
    )
