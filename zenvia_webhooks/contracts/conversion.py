"""Contract `conversion`: the Zenvia Conversion API 1.10.0, formerly Sirena (generated clients and live integrations).

Published: the calls below, `?api-key=`, one subscription a group, the topics, errors as `{"message", "code"}`.
Captured in production: the envelope of `interactions`. Not published, and read leniently here: those of other topics.
See `conversion_values` for what is in a lead, a quote and an interaction.

`DELETE /notifications/subscriptions` would deactivate every subscription of the key, strangers' included: never made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote as percent_encode

from zenvia_webhooks.contracts.base import Call, Credentials, Notification, RemoteSubscription
from zenvia_webhooks.contracts.conversion_values import interaction as interaction
from zenvia_webhooks.contracts.conversion_values import lead as lead
from zenvia_webhooks.contracts.conversion_values import quote as quote
from zenvia_webhooks.contracts.reading import instant, mapping, text

NAME = "conversion"
API_URL = "https://conversion.zenvia.com/v1"
TOPICS: Mapping[str, str] = {
    "lead.created": "prospects",
    "quote.updated": "quotes",
    "interaction.resolved": "interactions",
    "agent.created": "agents",
}
TOPICS_PER_SUBSCRIPTION: int | None = None
REPLACES = True
MAX_TOPIC_LENGTH = 100

COLLECTION = "/notifications/subscriptions"
#: Names of resources that are not their wire topic's singular.
RESOURCES = {"prospects": "lead"}
#: The envelope's object of each wire topic that is known.
OBJECTS = {"interactions": "interaction", "quotes": "quote", "agents": "agent", "prospects": "prospect"}
#: What differs from one delivery attempt to the next.
OF_THE_ATTEMPT = frozenset({"attempts", "sent", "received", "subscriptionId"})
#: The only type that has been seen in public.
USUAL_TYPE = "created"


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
    return renamed.get(wire) or f"{_resource(wire, wire_topics)}.{USUAL_TYPE}"


def _resource(wire: str, wire_topics: Mapping[str, str]) -> str:
    renamed = {theirs: ours.partition(".")[0] for ours, theirs in wire_topics.items()}
    return renamed.get(wire) or RESOURCES.get(wire) or (wire.removesuffix("s") or wire)


def list_call() -> Call:
    """Ask for every subscription of the key."""
    return Call(method="GET", path=COLLECTION)


def create_call(topics: Sequence[str], callback_url: str, wire_topics: Mapping[str, str]) -> Call:
    """Ask for a subscription of one or more topics, which deactivates the one that there is.

    Raises ValueError for none.
    """
    if not topics:
        raise ValueError(f"the contract {NAME} has at least one topic a subscription")
    wire = list(dict.fromkeys(wire_topic(topic, wire_topics) for topic in topics))
    return Call(method="POST", path=COLLECTION, body={"topics": wire, "callbackUrl": callback_url})


def get_call(remote_id: str) -> Call | None:
    """Ask for one subscription."""
    return Call(method="GET", path=_path(remote_id))


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


def read_list(reply: object, wire_topics: Mapping[str, str]) -> list[RemoteSubscription]:
    """Read `[{"id", "topics", "callbackUrl"}, ...]`."""
    if not isinstance(reply, list):
        raise ValueError("a list of subscriptions was due")
    return [read_subscription(row, wire_topics) for row in reply]


def read_subscription(reply: object, wire_topics: Mapping[str, str]) -> RemoteSubscription:
    """Read `{"id", "topics", "callbackUrl"}`; an id that is a whole number is taken for its digits.

    One without a callback URL has an empty one: it is a stranger's, whom a new subscription would replace.
    """
    row = mapping(reply)
    remote_id, topics, callback_url = text(row.get("id")), row.get("topics"), row.get("callbackUrl")
    names = [text(topic) for topic in topics] if isinstance(topics, list) else [None]
    if remote_id is None or None in names or not isinstance(callback_url, str | None):
        raise ValueError('a subscription with "id", "topics" and "callbackUrl" was due')
    canonical = dict.fromkeys(canonical_topic(name, wire_topics) for name in names if name is not None)
    return RemoteSubscription(id=remote_id, topics=tuple(canonical), callback_url=(callback_url or "").strip())


def read_topics(reply: object, wire_topics: Mapping[str, str]) -> list[str]:
    """Read `[{"name", "description"}, ...]`."""
    names = [text(mapping(row).get("name")) for row in reply] if isinstance(reply, list) else [None]
    if None in names:
        raise ValueError('a list of topics with "name" was due')
    return list(dict.fromkeys(canonical_topic(name, wire_topics) for name in names if name is not None))


def hint(status: int) -> str:
    """Return what integrations have learnt about Zenvia's errors."""
    return "the key lacks a scope? A new scope takes 15 to 20 minutes to work" if status == 403 else ""


def recognise(envelope: Mapping[str, Any]) -> bool:
    """Know the flat envelope by topic, type, subscriptionId and the object that it is about.

    Three of these four are enough; `data` is the other contract's.
    """
    topic, kind = _topic(envelope), _type(envelope)
    marks = (
        _string(envelope.get("topic")) is not None,
        kind is not None,
        text(envelope.get("subscriptionId")) is not None,
        bool(_object_key(envelope)),
    )
    short = topic is not None and len(topic) + len(kind or USUAL_TYPE) < MAX_TOPIC_LENGTH
    return short and sum(marks) >= 3 and not isinstance(envelope.get("data"), dict)


def read_notification(
    envelope: Mapping[str, Any], wire_topics: Mapping[str, str], resolved_statuses: Sequence[str]
) -> Notification:
    """Read topic, type and `updatedAt`; without a type it is the usual one."""
    about, kind = data(envelope), _type(envelope) or USUAL_TYPE
    resource = _resource(_topic(envelope) or "", wire_topics)
    if resource == "interaction" and {kind.lower(), (text(about.get("status")) or "").lower()} & set(resolved_statuses):
        kind = "resolved"
    moments = (envelope.get("updatedAt"), about.get("updatedAt"), about.get("createdAt"), envelope.get("received"))
    return Notification(
        topic=f"{resource}.{kind}",
        occurred_at=next((moment for value in moments if (moment := instant(value)) is not None), None),
    )


def identity(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is the attempt's own, at the top level alone."""
    return {key: value for key, value in envelope.items() if key not in OF_THE_ATTEMPT}


def data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return `prospect`, `quote`, `interaction` or `agent`, by the topic."""
    topic = _topic(envelope) or ""
    return mapping(envelope.get(OBJECTS.get(topic) or _object_key(envelope)))


def _topic(envelope: Mapping[str, Any]) -> str | None:
    # Without one, it is about what it holds.
    of_objects = {key: wire for wire, key in OBJECTS.items()}
    return _string(envelope.get("topic")) or of_objects.get(_object_key(envelope))


def _type(envelope: Mapping[str, Any]) -> str | None:
    return _string(envelope.get("type"))


def _string(value: object) -> str | None:
    return text(value) if isinstance(value, str) else None


def _object_key(envelope: Mapping[str, Any]) -> str:
    """Return under which key the object is: the topic's singular, else the first that is known; empty for none."""
    topic = _string(envelope.get("topic")) or ""
    keys = (topic.removesuffix("s"), *OBJECTS.values())
    return next((key for key in keys if isinstance(envelope.get(key), dict)), "")
