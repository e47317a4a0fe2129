"""What can happen between a prospect and a consultant: messages both ways, media, notes, questions, transfers."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zenvia_webhooks.sandbox.changes import Make
from zenvia_webhooks.sandbox.object_ids import derived_id
from zenvia_webhooks.sandbox.people import invent_person
from zenvia_webhooks.sandbox.phrases import BOT, INBOUND, NOTE, OUTBOUND, QUESTION
from zenvia_webhooks.sandbox.records import Change, Interaction, Prospect
from zenvia_webhooks.sandbox.store import Store

#: The company's own number, as the capture writes it.
COMPANY_NUMBER = "551140000000"
CHANNELS = {"phone": "whatsApp", "instagram": "instagram", "facebook": "facebook"}
FILE_NAMES = {"IMAGE": "0a1b2c3d.jpg", "AUDIO": "4e5f6071.ogg", "VIDEO": "8293a4b5.mp4", "FILE": "c6d7e8f9.pdf"}


def message(
    store: Store,
    at: datetime,
    prospect: Prospect,
    *,
    performer: str = "integration",
    text: str | None = None,
    attachment: str | None = None,
    template: bool = False,
) -> Change:
    """Have a message written: by the person ("integration"), a consultant ("agent") or a bot ("bot").

    `text` None is a phrase in the person's language, unless there is an `attachment`: IMAGE, AUDIO, VIDEO or FILE.
    """
    _follow_up(store, at, prospect, performer)
    inbound, person = performer == "integration", invent_person(prospect.number)
    if text is None:
        text = "" if attachment else _phrase(performer, person.country.language)
    made_id = store.ids.new(at)
    body = _body(made_id, prospect, performer, text)
    if attachment:
        body["attachment"] = {"type": attachment, "url": f"https://media.example/{FILE_NAMES[attachment]}"}
    if template:
        body |= {"template": "boas_vindas", "templateParameters": {"firstName": person.first_name}}
    made = Interaction(
        id=made_id,
        created_at=at,
        prospect_id=prospect.id,
        via=CHANNELS[prospect.medium],
        proactive=not inbound,
        agent=None if performer == "bot" else prospect.agent,
        bot=performer == "bot",
        output={"message": {**body, "templateConfig": None}},
    )
    prospect.outbound = prospect.outbound if inbound else made
    return _happened(store, at, prospect, made)


def _follow_up(store: Store, at: datetime, prospect: Prospect, performer: str) -> None:
    """Have a message change where a prospect stands."""
    if performer == "integration":
        prospect.last_inbound_at = at
        if prospect.status == "archived":
            prospect.status, prospect.archiving_reason = "followUp", None
    elif performer == "agent":
        prospect.agent = prospect.agent or random.choice(store.agents)
        prospect.status = "followUp" if prospect.status in ("unclaimed", "new") else prospect.status


def _body(made_id: str, prospect: Prospect, performer: str, text: str) -> dict[str, Any]:
    inbound, person = performer == "integration", invent_person(prospect.number)
    theirs = person.phone if prospect.medium == "phone" else person.social_id
    return {
        "via": CHANNELS[prospect.medium],
        "body": text,
        "content": text,
        # What the bot's own messages say is not known.
        **({"performer": performer} if performer != "bot" else {}),
        "delivered": False,
        "providerId": derived_id(made_id, "3"),
        "sender": theirs if inbound else COMPANY_NUMBER,
        "recipient": COMPANY_NUMBER if inbound else theirs.removeprefix("+"),
    }


def _phrase(performer: str, language: str) -> str:
    if performer == "bot":
        return BOT[language]
    return random.choice((INBOUND if performer == "integration" else OUTBOUND)[language])


def note(store: Store, at: datetime, prospect: Prospect, text: str | None = None) -> Change:
    """Have a consultant write a note."""
    language = invent_person(prospect.number).country.language
    return _other(store, at, prospect, {"comment": NOTE[language] if text is None else text})


def question(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have the person ask on a marketplace."""
    asked = {
        "providerId": "4711000001",
        "threadTitle": "Bicicleta aro 29",
        "threadUrl": "https://marketplace.example/4711000001",
        "question": QUESTION[invent_person(prospect.number).country.language],
        "answer": None,
        "delivered": False,
    }
    return _other(store, at, prospect, {"question": asked}, proactive=False)


def transferred(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have the prospect handed to another consultant."""
    others = [agent for agent in store.agents if agent != prospect.agent]
    prospect.agent = random.choice(others)
    return _other(store, at, prospect, {}, status="updated")


def call(store: Store, at: datetime, prospect: Prospect) -> Change:
    """Have a consultant call."""
    return _other(store, at, prospect, {"callSuccessful": True}, via="outboundCall")


def _other(
    store: Store,
    at: datetime,
    prospect: Prospect,
    output: dict[str, Any],
    *,
    proactive: bool = True,
    status: str = "created",
    via: str = "other",
) -> Change:
    made = Interaction(
        id=store.ids.new(at),
        created_at=at,
        prospect_id=prospect.id,
        status=status,
        via=via,
        proactive=proactive,
        agent=prospect.agent or (random.choice(store.agents) if proactive else None),
        output=output,
    )
    return _happened(store, at, prospect, made)


def _happened(store: Store, at: datetime, prospect: Prospect, made: Interaction) -> Change:
    store.interactions.add(made)
    return Change("interactions", "created", at, made, prospect, made.id)


def _later(store: Store, at: datetime, prospect: Prospect, *, status: str | None = None) -> Change:
    """Report the latest outbound message of a prospect once more: delivered, or with another status."""
    if prospect.outbound is None:
        message(store, at, prospect, performer="agent")
    latest = prospect.outbound
    assert latest is not None  # noqa: S101 (message() has set it)
    latest.status = status or latest.status
    return Change("interactions", "updated", at, latest, prospect, latest.id)


#: Canonical topic → kind → what happens; the first kind is the usual one.
KINDS: Mapping[str, Mapping[str, Make]] = {
    "interaction.created": {
        "inbound": message,
        "outbound": functools.partial(message, performer="agent"),
        "bot": functools.partial(message, performer="bot"),
        "template": functools.partial(message, performer="bot", template=True),
        "image": functools.partial(message, attachment="IMAGE"),
        "audio": functools.partial(message, attachment="AUDIO"),
        "video": functools.partial(message, attachment="VIDEO"),
        "file": functools.partial(message, attachment="FILE"),
        "outbound file": functools.partial(message, performer="agent", attachment="FILE"),
        "empty": functools.partial(message, text=""),
        "note": note,
        "question": question,
        "call": call,
        "transfer": transferred,
    },
    "interaction.updated": {"delivered": _later},
    # Never seen anywhere: for sites that have RESOLVED_STATUSES met.
    "interaction.resolved": {"resolved": functools.partial(_later, status="resolved")},
}
