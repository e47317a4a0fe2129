"""What the Conversion API posts: `{"subscriptionId", "topic", "type", "received", "sent", "attempts", ...}`, objects.

Captured in production: the envelope of `interactions`. Not published, and read leniently here: those of other topics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zenvia_webhooks.contracts.base import Notification
from zenvia_webhooks.contracts.lenient import first_text, instant, mapping, string, text

ARRIVING: Sequence[str] = (
    *("lead.created", "lead.updated", "lead.archived", "interaction.created", "interaction.updated"),
    *("interaction.resolved", "quote.created", "quote.updated", "agent.created", "agent.updated"),
)
#: Names of resources that are not their wire topic's singular.
RESOURCES = {"prospects": "lead"}
#: The envelope's object of each wire topic that is known.
OBJECTS = {"interactions": "interaction", "quotes": "quote", "agents": "agent", "prospects": "prospect"}
#: What differs from one delivery attempt to the next.
OF_THE_ATTEMPT = frozenset({"attempts", "sent", "received", "subscriptionId"})
#: The only type that has been seen in public.
USUAL_TYPE = "created"
#: The status of a prospect that a consultant has closed: the only "resolved" that has been seen in public.
ARCHIVED = "archived"


def resource_of(wire: str, wire_topics: Mapping[str, str]) -> str:
    """Return what we call the resource of a wire topic: "prospects" → "lead"."""
    renamed = {theirs: ours.partition(".")[0] for ours, theirs in wire_topics.items()}
    return renamed.get(wire) or RESOURCES.get(wire) or (wire.removesuffix("s") or wire)


def recognise(envelope: Mapping[str, Any]) -> bool:
    """Know the flat envelope by topic, type, subscriptionId and the object that it is about.

    Three of these four are enough; `data` is the other contract's.
    """
    marks = (
        string(envelope.get("topic")) is not None,
        string(envelope.get("type")) is not None,
        text(envelope.get("subscriptionId")) is not None,
        bool(_object_key(envelope)),
    )
    return _topic(envelope) is not None and sum(marks) >= 3 and not isinstance(envelope.get("data"), dict)


def read_notification(
    envelope: Mapping[str, Any], wire_topics: Mapping[str, str], resolved_statuses: Sequence[str]
) -> Notification:
    """Read topic, type and `updatedAt`; without a type it is the usual one."""
    about, kind = data(envelope), string(envelope.get("type")) or USUAL_TYPE
    resource, is_new = resource_of(_topic(envelope) or "", wire_topics), kind.lower() == USUAL_TYPE
    status = (text(about.get("status")) or "").lower()
    if resource == "interaction" and {kind.lower(), status} & set(resolved_statuses):
        kind = "resolved"
    elif resource == "lead" and status == ARCHIVED and not is_new:
        kind = ARCHIVED
    elif is_new:
        kind = USUAL_TYPE  # in whatever case: nobody's lead is missed for a capital
    # When it was created says when this happened only if this is its creation.
    of_object = ("updatedAt", *(("createdAt", "created") if is_new else ()))
    moments = (envelope.get("updatedAt"), *(about.get(key) for key in of_object), envelope.get("received"))
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


def object_id(topic: str, envelope: Mapping[str, Any]) -> str | None:
    """Return resource and `id`."""
    named = first_text(data(envelope), "id")
    return named and f"{topic.partition('.')[0]}:{named}"


def _topic(envelope: Mapping[str, Any]) -> str | None:
    # Without one, it is about what it holds.
    of_objects = {key: wire for wire, key in OBJECTS.items()}
    return string(envelope.get("topic")) or of_objects.get(_object_key(envelope))


def _object_key(envelope: Mapping[str, Any]) -> str:
    """Return under which key the object is: the topic's singular, else the first that is known; empty for none."""
    topic = string(envelope.get("topic")) or ""
    keys = (topic.removesuffix("s"), *OBJECTS.values())
    return next((key for key in keys if isinstance(envelope.get(key), dict)), "")
