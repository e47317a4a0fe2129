"""The interaction of the contract `conversion`, kind by kind, and what is chosen where it contradicts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.webhooks import conversion_envelope
from zenvia_webhooks.contracts import conversion
from zenvia_webhooks.contracts.values import (
    Attachment,
    Interaction,
)

#: Who is in charge of the lead of the samples.
OWNER = conversion_envelope()["prospect"]["agent"]


def of(topic: str = "interaction.created", **interaction: Any) -> Interaction:
    """Read the sample with these keys of its interaction changed."""
    envelope = conversion_envelope()
    envelope["interaction"] = {**envelope["interaction"], **interaction}
    found = conversion.interaction(topic, envelope)
    assert found is not None
    return found


def of_message(proactive: Any = None, **message: Any) -> Interaction:
    return of(proactive=proactive, output={"message": message})


# Direction


@pytest.mark.parametrize(
    ("performer", "proactive", "direction"),
    [
        ("integration", False, "inbound"),
        ("agent", True, "outbound"),
        ("bot", None, "outbound"),
        ("integration", None, "inbound"),
        (None, False, "inbound"),
        (None, True, "outbound"),
        (None, None, None),
        (None, "false", None),
        (None, 0, None),
        ([], False, "inbound"),
        ("", True, "outbound"),
    ],
)
def test_direction_is_the_performer_else_proactive(performer: Any, proactive: Any, direction: str | None) -> None:
    assert of_message(proactive, performer=performer).direction == direction


@pytest.mark.parametrize(
    ("performer", "proactive", "direction"), [("integration", True, "inbound"), ("agent", False, "outbound")]
)
def test_performer_goes_before_proactive_as_it_is_of_the_message_and_proactive_of_what_is_around_it(
    performer: str, proactive: bool, direction: str
) -> None:
    assert of_message(proactive, performer=performer).direction == direction


def test_agent_says_nothing_about_the_direction() -> None:
    found = of()
    assert (found.direction, found.agent) == ("inbound", "Beatriz Exemplo")


# Kinds


@pytest.mark.parametrize(
    ("interaction", "kind"),
    [
        ({"output": {"message": {"content": "Oi"}}}, "message"),
        # A reaction has neither text nor attachment.
        ({"output": {"message": {}}}, "message"),
        ({"output": {"message": "Oi"}}, "message"),
        ({"output": {"comment": "later"}}, "note"),
        ({"output": {"question": {"id": 5, "question": "Tem azul?"}}}, "question"),
        ({"output": {"callSuccessful": False}, "via": "other"}, "call"),
        ({"output": {}, "via": "inboundCall"}, "call"),
        ({"output": {"transferedToAgentId": "64789650cc00cc11cc22cc01"}}, "transfer"),
        ({"output": {"transferedTo": {"id": "1"}}}, "transfer"),
        ({"output": {}, "via": "other"}, "transfer"),
        ({"output": {}}, "other"),
        ({"output": {"visitSuccessful": True}, "via": "visit"}, "other"),
        ({"output": {"message": None, "comment": " "}}, "other"),
        ({"output": []}, "other"),
    ],
)
def test_kind(interaction: dict[str, Any], kind: str) -> None:
    found = of(**interaction)
    assert found.kind == kind
    assert (found.direction is not None) is (kind == "message")


def test_an_interaction_that_is_not_there_is_of_no_kind() -> None:
    assert conversion.interaction("interaction.created", conversion_envelope(interaction=[])) == Interaction(
        lead_id="69af014baa00aa11aa22aa01"
    )


def test_a_message_with_a_note_is_a_message_so_that_nobody_waits_for_an_answer_and_the_note_is_read_too() -> None:
    both = {"comment": "calls back", "message": {"content": "Oi", "performer": "integration"}}
    found = of(output=both)
    assert (found.kind, found.direction, found.text, found.note) == ("message", "inbound", "Oi", "calls back")


def test_a_question_with_a_transfer_is_a_question_as_somebody_waits_for_an_answer() -> None:
    found = of(output={"question": {"question": "Tem azul?"}, "transferedToGroupId": "1"})
    assert (found.kind, found.text, found.direction) == ("question", "Tem azul?", None)


# What is in a message


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "one", "body": "other"}, "one"),
        ({"content": "", "body": "other"}, "other"),
        ({"content": None}, None),
        ({"content": ["one"], "body": {}}, None),
        ({"content": 7}, "7"),
    ],
)
def test_text_is_the_content_else_the_body(message: dict[str, Any], text: str | None) -> None:
    assert of_message(**message).text == text


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        (
            {"type": "AUDIO", "url": "https://media.example/a.ogg"},
            Attachment(type="AUDIO", url="https://media.example/a.ogg"),
        ),
        ({"url": "https://media.example/a"}, Attachment(url="https://media.example/a")),
        ([{"type": "FILE"}, {"url": "u"}], Attachment(url="u")),
        ({"type": "AUDIO"}, None),
        ("https://media.example/a.ogg", None),
        (None, None),
    ],
)
def test_attachment(attachment: Any, expected: Attachment | None) -> None:
    assert of_message(attachment=attachment, content="").attachment == expected


def test_template_sender_and_recipient_are_read() -> None:
    found = of_message(template="welcome", sender="551140000000", recipient="+5511900000001", performer="agent")
    assert (found.template, found.sender, found.recipient) == ("welcome", "551140000000", "+5511900000001")


# Who


@pytest.mark.parametrize(
    ("interaction", "agent"),
    [
        ({"agentId": OWNER["id"], "agent": None}, "Beatriz Exemplo"),
        ({"agentId": "another", "agent": None}, "another"),
        ({"agentId": "another", "agent": {"firstName": "Luís"}}, "Luís"),
        ({"agentId": None, "agent": {"id": "another", "firstName": "Luís"}}, "Luís"),
        ({"agentId": None, "agent": None}, None),
        ({"agentId": "b", "agent": {"id": "b", "email": "bot@example.com"}}, "bot@example.com"),
    ],
)
def test_agent_is_the_one_whom_the_interaction_names(interaction: dict[str, Any], agent: str | None) -> None:
    assert of(**interaction).agent == agent


def test_an_agent_who_is_not_the_writer_is_not_named_for_the_writer() -> None:
    # `agentId` says who wrote; both persons in the envelope are others, whose names would be wrong.
    assert of(agentId="the-writer", agent={"id": "another", "firstName": "Luís"}).agent == "the-writer"
    # The owner is the writer, and the interaction's own `agent` is not.
    assert of(agentId=OWNER["id"], agent={"id": "another", "firstName": "Luís"}).agent == "Beatriz Exemplo"


# What is resolved


def test_an_archived_lead_is_a_conversation_that_was_closed() -> None:
    envelope = conversion_envelope("assumed-prospect-archived")
    assert conversion.interaction("lead.archived", envelope) == Interaction(
        lead_id="69af014baa00aa11aa22aa01", status="archived", reason="converted", agent="Beatriz Exemplo"
    )
    assert conversion.interaction("lead.updated", envelope) is None
    assert conversion.interaction("lead.archived", {}) == Interaction()


def test_reason_is_of_what_is_resolved_alone() -> None:
    envelope = conversion_envelope()
    envelope["prospect"]["archivingReason"] = "inactive"
    found = [conversion.interaction(f"interaction.{kind}", envelope) for kind in ("resolved", "created")]
    assert [one and one.reason for one in found] == ["inactive", None]
