"""Envelope `messaging`: what Zenvia's messaging platform posts, by its published OpenAPI."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.checks import Error

from tests.support.webhooks import payload
from zenvia_webhooks import checks
from zenvia_webhooks.contracts import CONTRACTS, ENVELOPES, get_envelope, messaging, recognise
from zenvia_webhooks.contracts.values import Attachment, Interaction, Lead, SocialId

OUTER = {"id": "1", "timestamp": "2026-03-10T13:07:31.690Z", "subscriptionId": "2"}


def sample(name: str = "message", /, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(f"messaging-{name}"))
    return {**found, **changes}


def message(**changes: Any) -> dict[str, Any]:
    return sample(message={**sample()["message"], **changes})


def topic_of(envelope: dict[str, Any]) -> str:
    return messaging.read_notification(envelope, {}, ()).topic


def interaction_of(envelope: dict[str, Any]) -> Interaction:
    found = messaging.interaction(topic_of(envelope), envelope)
    assert found is not None
    return found


# Whose it is


@pytest.mark.parametrize(
    "envelope",
    [
        sample(),
        sample("conversation-closed"),
        {**OUTER, "type": "MESSAGE_STATUS", "messageStatus": {"code": "READ"}},
        {**OUTER, "type": "CONVERSATION_MESSAGE", "message": {}, "conversation": {}},
        {**OUTER, "type": "CONTACT", "contact": {}},
        {**OUTER, "type": "SUPPORT_EXPERT_AGENT", "ticket": {"id": "1"}},
        {**OUTER, "type": "VISIT_BOOKED", "visit": {}},
        # A known type is told by its objects.
        {"type": "MESSAGE", "message": {}},
    ],
)
def test_it_is_recognised_and_is_nobody_elses(envelope: dict[str, Any]) -> None:
    assert recognise(envelope) is get_envelope("messaging")
    assert not [name for name, contract in CONTRACTS.items() if contract.recognise(envelope)]


@pytest.mark.parametrize(
    "stranger",
    [
        {**OUTER, "type": "MESSAGE"},
        {**OUTER, "type": "MESSAGE", "message": "text"},
        {**OUTER, "type": "CONVERSATION_MESSAGE", "message": {}},
        {**OUTER, "type": "created"},
        {**OUTER, "type": "VISIT_"},
        {**OUTER, "type": "VISIT", "timestamp": "?"},
        {"type": "VISIT", "timestamp": OUTER["timestamp"], "id": "1"},
        {**OUTER, "type": ["MESSAGE"], "message": {}},
        {**OUTER, "message": {}},
    ],
)
def test_stranger_is_not_recognised(stranger: dict[str, Any]) -> None:
    assert not messaging.recognise(stranger)


@pytest.mark.parametrize("key", ["topic", "data", "prospect", "quote", "interaction", "agent"])
def test_what_holds_another_contracts_object_is_that_contracts(key: str) -> None:
    assert not messaging.recognise({**sample(), key: {}})


def test_nothing_can_be_subscribed_there(settings: Any) -> None:
    assert set(ENVELOPES) - set(CONTRACTS) == {"messaging"}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"CONTRACT": "messaging"}}}
    assert [type(found) for found in checks.check_settings()] == [Error]


# Topic, time, object


@pytest.mark.parametrize(
    ("envelope", "topic", "object_id"),
    [
        (sample(), "interaction.created", "interaction:5d1f0000-aaaa-4bbb-8ccc-000000000002"),
        (sample("conversation-closed"), "interaction.resolved", "conversation:69b01793ac00ac11ac22ac01"),
        (
            {"type": "CONVERSATION_STATUS", "conversation": {"id": "9", "status": "CONVERSATION_DISTRIBUTED_TO_USER"}},
            "conversation.distributed_to_user",
            "conversation:9",
        ),
        ({"type": "CONVERSATION_STATUS", "conversation": {"status": []}}, "conversation.status", None),
        (
            {"type": "CONVERSATION_MESSAGE", "message": {"id": "m"}, "conversation": {"id": "c"}},
            "interaction.created",
            "interaction:m",
        ),
        ({"type": "MESSAGE_STATUS", "messageStatus": {"code": "READ"}}, "message.status", None),
        ({"type": "CONTACT", "action": "DELETED", "contact": {"id": "c"}}, "contact.deleted", "contact:c"),
        ({"type": "CONTACT", "action": 5, "contact": {}}, "contact.5", None),
        ({"type": "SUPPORT_EXPERT_AGENT", "ticket": {"id": "t"}}, "support.expert.agent", "support:t"),
        ({**OUTER, "type": "VISIT_BOOKED", "visit": {"id": "v"}}, "visit.booked", "visit:v"),
    ],
)
def test_topic_and_object(envelope: dict[str, Any], topic: str, object_id: str | None) -> None:
    assert topic_of(envelope) == topic
    assert messaging.object_id(topic, envelope) == object_id


def test_a_conversation_keeps_its_id_when_it_is_closed() -> None:
    envelope = sample("conversation-closed")
    opened = {**envelope, "conversation": {**envelope["conversation"], "status": "CONVERSATION_CLAIMED"}}
    ids = {messaging.object_id(topic_of(one), one) for one in (envelope, opened)}
    assert len(ids) == 1


def test_time_is_the_status_else_the_envelopes() -> None:
    closed = messaging.read_notification(sample("conversation-closed"), {}, ())
    assert closed.occurred_at == datetime(2026, 3, 12, 18, 0, 5, 77000, tzinfo=UTC)
    said = messaging.read_notification(sample(), {}, ())
    assert said.occurred_at == datetime(2026, 3, 10, 13, 7, 31, 690000, tzinfo=UTC)
    assert messaging.read_notification(sample(timestamp=None), {}, ()).occurred_at == datetime(
        2026, 3, 10, 13, 7, 31, tzinfo=UTC
    )


def test_identity_is_all_but_the_subscription() -> None:
    assert messaging.identity(sample(subscriptionId="other")) == messaging.identity(sample())
    assert messaging.identity(sample(id="other")) != messaging.identity(sample())


# Messages


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one"),
        ([{"type": "file", "fileUrl": "u", "fileCaption": "look"}, {"type": "text", "text": "two"}], "two"),
        ([{"type": "file", "fileUrl": "u", "fileCaption": "look"}], "look"),
        ([{"type": "location"}], None),
        ([{"type": "text", "text": None}, 5], None),
        ("text", None),
    ],
)
def test_text_is_the_first_text_else_a_caption(contents: Any, text: str | None) -> None:
    assert interaction_of(message(contents=contents)).text == text


@pytest.mark.parametrize(
    ("mime", "kind"),
    [("image/jpeg", "IMAGE"), ("AUDIO/ogg", "AUDIO"), ("video/mp4", "VIDEO"), ("application/pdf", "FILE"), (5, "FILE")],
)
def test_a_file_is_an_attachment(mime: Any, kind: str) -> None:
    contents = [{"type": "file", "fileMimeType": mime, "fileUrl": "https://media.example/a"}, {"type": "text"}]
    assert interaction_of(message(contents=contents)).attachment == Attachment(type=kind, url="https://media.example/a")


@pytest.mark.parametrize(
    ("own", "outer", "direction"),
    [("IN", "IN", "inbound"), ("OUT", "IN", "outbound"), (None, "OUT", "outbound"), (None, None, None)],
)
def test_direction_is_the_messages_own_else_the_envelopes(own: Any, outer: Any, direction: str | None) -> None:
    assert interaction_of({**message(direction=own), "direction": outer}).direction == direction


def test_what_colleagues_write_among_themselves_is_a_note_of_nobody() -> None:
    envelope = {**message(direction="INTERNAL"), "direction": None}
    found = interaction_of(envelope)
    assert (found.kind, found.direction, found.text, found.note) == ("note", None, None, "Olá, ainda tem em azul?")
    assert messaging.lead("interaction.created", envelope) == Lead(name="Ana Paz")


# Who


@pytest.mark.parametrize(
    ("changes", "lead"),
    [
        ({}, Lead(name="Ana Paz", phone="5511900000001", phones=("5511900000001",))),
        ({"direction": "OUT"}, Lead(name="Ana Paz", phone="551140000000", phones=("551140000000",))),
        (
            {"channel": "facebook", "from": "1000000000000001", "visitor": None},
            Lead(social_ids=(SocialId(type="facebook", id="1000000000000001"),)),
        ),
        (
            {"channel": {"type": "INSTAGRAM"}, "from": 17},
            Lead(name="Ana Paz", social_ids=(SocialId(type="instagram", id="17"),)),
        ),
        (
            {"channel": "email", "from": "ana@example.com"},
            Lead(name="Ana Paz", email="ana@example.com", emails=("ana@example.com",)),
        ),
        (
            {"channel": [], "from": "ana.paz"},
            Lead(name="Ana Paz", social_ids=(SocialId(type="whatsapp", id="ana.paz"),)),
        ),
        ({"from": None, "visitor": {}}, None),
    ],
)
def test_lead_is_who_wrote_or_was_written_to(changes: dict[str, Any], lead: Lead | None) -> None:
    assert messaging.lead("interaction.created", message(**changes)) == lead


def test_a_contact_has_a_name() -> None:
    contact = {"type": "CONTACT", "contact": {"firstName": "Ana", "lastName": "Paz"}}
    assert messaging.lead("contact.updated", contact) == Lead(name="Ana Paz")
    assert messaging.lead("contact.updated", {"type": "CONTACT", "contact": {}}) is None


def test_other_topics_are_about_no_interaction_and_none_about_a_quote() -> None:
    assert messaging.interaction("conversation.created", sample("conversation-closed")) is None
    assert messaging.quote("interaction.created", sample()) is None


def test_what_a_system_closed_has_no_agent() -> None:
    closed = sample("conversation-closed")
    closed["conversation"]["closedBy"] = {"id": "bot", "type": "SYSTEM"}
    assert interaction_of(closed).agent is None


def test_what_a_new_type_is_about_does_not_hang_on_the_order_of_its_keys() -> None:
    envelope = {"id": "1", "timestamp": "2026-03-10T13:07:31Z", "type": "NEW_THING", "subscriptionId": "2"}
    objects = {"thing": {"id": "3"}, "owner": {"id": "4"}}
    backwards = dict(reversed(objects.items()))
    assert messaging.data({**envelope, **objects}) == messaging.data({**envelope, **backwards}) == {"id": "4"}
