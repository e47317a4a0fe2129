"""Envelope `messaging`: what Zenvia's messaging platform (`api.zenvia.com/v2`) posts, by its published OpenAPI.

Read only: nothing is subscribed there, but a live site had its messages posted to the URL of its Conversion webhook.
`{"id", "timestamp", "type", "subscriptionId", ...}` with the objects of its type, and never a `topic`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from zenvia_webhooks.contracts.base import Notification
from zenvia_webhooks.contracts.conversion_values import name_of
from zenvia_webhooks.contracts.lenient import first_text, instant, listed, mapping, string, text
from zenvia_webhooks.contracts.values import Attachment, Interaction, Lead, Quote, SocialId

NAME = "messaging"
ARRIVING: Sequence[str] = (
    *("interaction.created", "interaction.resolved", "conversation.created", "conversation.claimed"),
    *("message.status", "contact.created", "contact.updated", "contact.deleted", "support.expert.agent"),
)
#: Type → the objects that come with it, what it is about first.
OBJECTS = {
    "MESSAGE": ("message",),
    "MESSAGE_STATUS": ("messageStatus",),
    "CONVERSATION_MESSAGE": ("message", "conversation"),
    "CONVERSATION_STATUS": ("conversation",),
    "CONTACT": ("contact",),
    "SUPPORT_EXPERT_AGENT": ("ticket",),
}
#: Objects of another envelope, whatever the type says.
FOREIGN = ("data", "prospect", "quote", "interaction", "agent")
#: Types that are not known yet look like this.
TYPE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
MESSAGES = ("MESSAGE", "CONVERSATION_MESSAGE")
#: Begins the status of a conversation.
PREFIX = "conversation_"
CLOSED = f"{PREFIX}closed"
DIRECTIONS = {"IN": "inbound", "OUT": "outbound"}
#: The first part of a MIME type → the type of an attachment, as `conversion` names it.
ATTACHMENTS = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO"}
NUMBER = re.compile(r"\+?\d{6,15}")
#: Channels on which digits are no number.
SOCIAL = ("facebook", "instagram", "telegram")


def recognise(envelope: Mapping[str, Any]) -> bool:
    """Know a published type by its objects, and any other by what all have."""
    kind = string(envelope.get("type"))
    if kind is None or envelope.get("topic") is not None or any(key in envelope for key in FOREIGN):
        return False
    if kind in OBJECTS:
        return all(isinstance(envelope.get(key), dict) for key in OBJECTS[kind])
    named = (text(envelope.get(key)) for key in ("id", "subscriptionId"))
    return TYPE.fullmatch(kind) is not None and None not in (*named, instant(envelope.get("timestamp")))


def read_notification(
    envelope: Mapping[str, Any], wire_topics: Mapping[str, str], resolved_statuses: Sequence[str]
) -> Notification:
    """Read the type, of a conversation its status, of a contact the action, and `timestamp`."""
    about, kind = data(envelope), string(envelope.get("type")) or ""
    status = (first_text(about, "status") or "").lower()
    if kind in MESSAGES:
        topic = "interaction.created"
    elif kind == "CONVERSATION_STATUS" and status == CLOSED:
        topic = "interaction.resolved"
    elif kind == "CONVERSATION_STATUS":
        topic = f"conversation.{status.removeprefix(PREFIX) or 'status'}"
    elif kind == "CONTACT":
        topic = f"contact.{(first_text(envelope, 'action') or 'updated').lower()}"
    else:
        topic = kind.lower().replace("_", ".")
    moments = (about.get("statusTimestamp"), envelope.get("timestamp"), about.get("timestamp"))
    occurred_at = next((moment for value in moments if (moment := instant(value)) is not None), None)
    return Notification(topic=topic, occurred_at=occurred_at)


def identity(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the subscription: two that overlap post the same."""
    return {key: value for key, value in envelope.items() if key != "subscriptionId"}


def data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message, its status, the conversation, contact or ticket; of a new type, its first object by name."""
    keys = OBJECTS.get(string(envelope.get("type")) or "")
    if keys:
        return mapping(envelope.get(keys[0]))
    # By name, as PostgreSQL keeps no order of keys.
    return (listed([envelope[key] for key in sorted(envelope)]) or [{}])[0]


def object_id(topic: str, envelope: Mapping[str, Any]) -> str | None:
    """Return `id` with what it is of; a conversation keeps its own when it is closed."""
    kind, named = string(envelope.get("type")), first_text(data(envelope), "id")
    resource = "conversation" if kind == "CONVERSATION_STATUS" else topic.partition(".")[0]
    return named and f"{resource}:{named}"


def lead(topic: str, envelope: Mapping[str, Any]) -> Lead | None:
    """Read who wrote, or was written to; None where nothing says who it is. There is no lead's id."""
    if string(envelope.get("type")) == "CONTACT":
        name = name_of(data(envelope))
        return Lead(name=name) if name else None
    about = data(envelope)
    # Of a conversation, `from` is the person; of a message, whoever wrote it.
    handle = first_text(about, "to" if _direction(envelope) == "outbound" else "from")
    name, via = name_of(mapping(about.get("visitor"))), (_via(envelope) or "").lower()
    if _direction(envelope) is None and string(envelope.get("type")) in MESSAGES:
        handle = None  # colleagues among themselves
    if handle is None:
        return Lead(name=name) if name else None
    if via not in SOCIAL and NUMBER.fullmatch(handle):
        return Lead(name=name, phone=handle, phones=(handle,))
    if "@" in handle and via not in SOCIAL:
        return Lead(name=name, email=handle, emails=(handle,))
    return Lead(name=name, social_ids=(SocialId(type=via or "other", id=handle),))


def quote(topic: str, envelope: Mapping[str, Any]) -> Quote | None:
    """Return None: it tells of no quotes."""
    return None


def interaction(topic: str, envelope: Mapping[str, Any]) -> Interaction | None:
    """Read a message, or a conversation that was closed; None on another topic."""
    if not topic.startswith("interaction."):
        return None
    about = data(envelope)
    if string(envelope.get("type")) not in MESSAGES:
        by = mapping(about.get("closedBy"))
        return Interaction(
            interaction_id=first_text(about, "id"),
            status=first_text(about, "status"),
            via=_via(envelope),
            agent=first_text(by, "id") if first_text(by, "type") == "USER" else None,
            finished_at=instant(about.get("statusTimestamp")),
            reason=first_text(mapping(about.get("closeReason")), "key"),
            created_at=instant(about.get("createdAt")),
        )
    direction, said = _direction(envelope), _text(about)
    return Interaction(
        interaction_id=first_text(about, "id"),
        via=_via(envelope),
        direction=direction,
        text=said if direction else None,
        # What colleagues write among themselves reaches no customer.
        kind="message" if direction else "note",
        note=None if direction else said,
        attachment=_attachment(about),
        sender=first_text(about, "from"),
        recipient=first_text(about, "to"),
        created_at=instant(about.get("timestamp")),
    )


def _direction(envelope: Mapping[str, Any]) -> str | None:
    # The message's own goes before the envelope's.
    return DIRECTIONS.get((first_text(data(envelope), "direction") or first_text(envelope, "direction") or "").upper())


def _via(envelope: Mapping[str, Any]) -> str | None:
    channel = data(envelope).get("channel")
    return text(channel) or first_text(mapping(channel), "type") or first_text(envelope, "channel")


def _text(message: Mapping[str, Any]) -> str | None:
    contents = listed(message.get("contents"))
    said = (first_text(content, "text") for content in contents if first_text(content, "type") == "text")
    captions = (first_text(content, "fileCaption") for content in contents)
    return next((words for words in (*said, *captions) if words), None)


def _attachment(message: Mapping[str, Any]) -> Attachment | None:
    files = ((first_text(row, "fileMimeType"), first_text(row, "fileUrl")) for row in listed(message.get("contents")))
    return next(
        (
            Attachment(type=ATTACHMENTS.get((mime or "").partition("/")[0].lower(), "FILE"), url=url)
            for mime, url in files
            if url
        ),
        None,
    )
