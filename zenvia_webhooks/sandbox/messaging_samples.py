"""Sample notifications of Zenvia's messaging platform, which may be posted to the same URL (ZENVIA.md 8.1)."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import functools
import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from zenvia_webhooks.sandbox.conversations import COMPANY_NUMBER
from zenvia_webhooks.sandbox.object_ids import ObjectIds, now_in_milliseconds, timestamp
from zenvia_webhooks.sandbox.objects import GROUP
from zenvia_webhooks.sandbox.people import Person, invent_person
from zenvia_webhooks.sandbox.phrases import INBOUND, OUTBOUND

#: The type, the key of the object that it is about, and the other keys.
Sample = tuple[str, str, dict[str, Any]]
IDS = ObjectIds()
FILE = {
    "type": "file",
    "fileUrl": "https://media.example/0a1b2c3d.jpg",
    "fileMimeType": "image/jpeg",
    "fileName": "0a1b2c3d.jpg",
}


def envelope(topic: str, kind: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification of a canonical topic: `{"id", "timestamp", "type", "subscriptionId", ...}`.

    `fields` go over the object that it is about: message, messageStatus, conversation, contact or ticket.
    Raises KeyError for an unknown topic or kind.
    """
    kinds = KINDS[topic]
    type_, about, keys = kinds[kind or next(iter(kinds))]()
    outer = {"id": _uuid(), "timestamp": _now(), "type": type_, "subscriptionId": _uuid()}
    return {**outer, **keys, about: {**keys[about], **fields}}


def _message(direction: str = "IN", *, file: bool = False) -> Sample:
    somebody = invent_person()
    ends = _ends(somebody, direction)
    phrases = (INBOUND if direction == "IN" else OUTBOUND)[somebody.country.language]
    message = {
        "id": _uuid(),
        **ends,
        "direction": direction,
        "channel": "whatsapp",
        "visitor": {"name": somebody.name, "firstName": somebody.first_name, "lastName": somebody.last_name},
        "contents": [FILE if file else {"type": "text", "text": random.choice(phrases)}],
        "timestamp": _now()[:19] + "Z",
    }
    return "MESSAGE", "message", {"channel": "whatsapp", "direction": direction, "message": message}


def _conversation_message() -> Sample:
    somebody = invent_person()
    message = {
        "id": _uuid(),
        **_ends(somebody, "IN"),
        "direction": "IN",
        "channel": {"type": "WHATSAPP", "provider": "whatsapp"},
        "contents": [{"type": "text", "text": random.choice(INBOUND[somebody.country.language])}],
        "timestamp": _now(),
    }
    keys = {"message": message, "conversation": {"id": _object_id(), "contactId": _uuid()}}
    return "CONVERSATION_MESSAGE", "message", keys


def _conversation(status: str) -> Sample:
    conversation: dict[str, Any] = {
        "id": _object_id(),
        "status": f"CONVERSATION_{status}",
        "statusTimestamp": _now(),
        "channel": "whatsapp",
        **_ends(invent_person(), "IN"),
        "contactId": _uuid(),
        "groupId": GROUP["groupId"],
        "createdAt": _now(),
    }
    if status == "CLOSED":
        conversation |= {
            "closedBy": {"id": _object_id(), "type": "USER"},
            "closeReason": {"key": "converted", "name": "Venda"},
        }
    return "CONVERSATION_STATUS", "conversation", {"conversation": conversation}


def _message_status(code: str) -> Sample:
    status = {"code": code, "timestamp": _now(), "description": f"The message is {code.lower()}", "channel": "whatsapp"}
    of_message = {"id": _uuid(), "contentIndex": 0, "direction": "OUT", **_ends(invent_person(), "OUT")}
    keys = {"channel": "whatsapp", "messageId": of_message["id"], "contentIndex": 0, "message": of_message}
    return "MESSAGE_STATUS", "messageStatus", {**keys, "messageStatus": status}


def _contact(action: str) -> Sample:
    somebody = invent_person()
    contact = {
        "id": _uuid(),
        "firstName": somebody.first_name,
        "lastName": somebody.last_name,
        "channels": [{"type": "PHONE_NUMBER", "value": somebody.phone[1:]}],
        "createdAt": _now(),
        "updatedAt": _now(),
    }
    return "CONTACT", "contact", {"action": action, "contact": contact}


def _expert() -> Sample:
    return "SUPPORT_EXPERT_AGENT", "ticket", {"ticket": {"id": _uuid()}, "expertAgent": {"id": _uuid()}}


def _ends(somebody: Person, direction: str) -> dict[str, str]:
    person = somebody.phone.removeprefix("+")
    return {"from": person, "to": COMPANY_NUMBER} if direction == "IN" else {"from": COMPANY_NUMBER, "to": person}


def _uuid() -> str:
    return str(uuid.uuid4())


def _object_id() -> str:
    return IDS.new(now_in_milliseconds())


def _now() -> str:
    return timestamp(now_in_milliseconds())


STATUSES = ("CREATED", "QUEUED", "DISTRIBUTED_TO_USER", "CLAIMED", "STARTED", "SNOOZED", "TRANSFERRED")
#: Canonical topic → kind → what is sent; the first kind is the usual one.
KINDS: Mapping[str, Mapping[str, Callable[[], Sample]]] = {
    "interaction.created": {
        "inbound": _message,
        "outbound": functools.partial(_message, "OUT"),
        "image": functools.partial(_message, file=True),
        "conversation": _conversation_message,
    },
    "interaction.resolved": {"closed": functools.partial(_conversation, "CLOSED")},
    **{
        f"conversation.{status.lower()}": {status.lower(): functools.partial(_conversation, status)}
        for status in STATUSES
    },
    "message.status": {
        code.lower(): functools.partial(_message_status, code) for code in ("DELIVERED", "READ", "REJECTED")
    },
    **{
        f"contact.{action.lower()}": {action.lower(): functools.partial(_contact, action)}
        for action in ("CREATED", "UPDATED", "DELETED")
    },
    "support.expert.agent": {"assigned": _expert},
}
