"""Lead, quote and interaction of the contract `conversion`, kind by kind, and what is chosen where it contradicts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.webhooks import conversion_envelope
from zenvia_webhooks.contracts import conversion
from zenvia_webhooks.contracts.values import (
    Attachment,
    Interaction,
    Lead,
    NationalId,
    Quote,
    QuoteItem,
    SocialId,
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


# Lead


def lead_of(**prospect: Any) -> Lead:
    envelope = conversion_envelope("prospects")
    envelope["prospect"] = {**envelope["prospect"], **prospect}
    found = conversion.lead("lead.created", envelope)
    assert found is not None
    return found


def test_source_is_that_of_the_last_of_several_leads_which_is_the_newest() -> None:
    found = conversion.lead("lead.archived", conversion_envelope("assumed-prospect-archived"))
    assert found is not None
    assert (found.source, found.medium, found.campaign) == ("WHATSAPP", "ctwa", "120200000000000001")
    assert found.comments == "Anúncio de março"


def test_of_two_leads_with_the_same_time_the_last_is_taken_as_zenvia_lists_the_oldest_first() -> None:
    asked = {"created": "2026-03-09T17:20:11.639Z", "campaign": "one"}
    assert lead_of(leads=[asked, {**asked, "campaign": "two"}]).campaign == "two"
    # Also if the times say otherwise: the order is Zenvia's, the times are its providers'.
    assert lead_of(leads=[asked, {"created": "2020-01-01T00:00:00Z", "campaign": "two"}]).campaign == "two"


def test_a_newer_lead_has_nothing_of_an_older_one() -> None:
    found = lead_of(leads=[{"source": "FACEBOOK", "campaign": "one"}, {"source": "WHATSAPP"}, "odd"])
    assert (found.source, found.campaign) == ("WHATSAPP", None)


def test_names_of_the_present_go_before_those_of_marketing() -> None:
    asked = {"utmSource": "INSTAGRAM", "utmMedium": "cpc", "medium": "ctwa", "utmCampaign": "c"}
    found = lead_of(leads=[asked])
    assert (found.source, found.medium, found.campaign) == ("INSTAGRAM", "ctwa", "c")


def test_a_lead_without_phone_and_e_mail_has_a_handle() -> None:
    found = lead_of()
    assert (found.phones, found.emails) == ((), ())
    assert found.social_ids == (SocialId(type="instagram", id="1000000000000001"),)


def test_mediums_that_are_no_handle_are_left_out() -> None:
    mediums = [
        {"type": "phone", "mediumId": "1"},
        {"type": "facebook"},
        {"mediumId": "2"},
        5,
        {"type": "x", "mediumId": 7},
    ]
    assert lead_of(contactMediums=mediums).social_ids == (SocialId(type="x", id="7"),)


def test_national_ids_without_a_number_are_left_out() -> None:
    nin = [{"_id": "1", "type": "DNI"}, {"type": "CPF", "number": "00000000191"}, {"number": 20}]
    expected = (NationalId(type="CPF", number="00000000191"), NationalId(number="20"))
    assert lead_of(nin=nin).national_ids == expected


def test_product_is_as_it_came() -> None:
    product = {"make": "Caloi", "price": {"amount": 1899.9, "currency": "BRL"}}
    assert lead_of(leads=[{"product": product}]).product == product
    odd: tuple[Any, ...] = ({}, [], "bike", None)
    assert [lead_of(leads=[{"product": value}]).product for value in odd] == [None] * 4
    hash(lead_of(leads=[{"product": product}]))


def test_group_may_be_an_object() -> None:
    found = lead_of(group={"id": "1", "name": "Loja"}, groupId=None)
    assert (found.group, found.group_id) == ("Loja", "1")


def test_label_reason_and_creation_are_read() -> None:
    found = lead_of(label="hot", archivingReason="converted")
    assert (found.label, found.archiving_reason) == ("hot", "converted")
    assert found.created_at == datetime(2026, 3, 10, 15, 31, 2, 887000, tzinfo=UTC)


# Quote


def test_items_of_a_quote_are_read_each_as_far_as_it_can_be() -> None:
    envelope = conversion_envelope("quotes")
    envelope["quote"]["items"] = [{"quantity": "2", "price": "9.90", "concept": "Plan", "code": 7}, None, {"price": []}]
    envelope["quote"]["rejectedAt"] = "2026-03-13T09:00:00Z"
    found = conversion.quote("quote.updated", envelope)
    assert found is not None
    first = QuoteItem(quantity=Decimal(2), price=Decimal("9.90"), concept="Plan", code="7")
    assert found.items == (first, QuoteItem())
    assert found.rejected_at == datetime(2026, 3, 13, 9, tzinfo=UTC)


def test_values_of_an_empty_envelope_are_empty_on_their_own_topic_and_nothing_elsewhere() -> None:
    assert conversion.lead("lead.created", {}) == Lead()
    assert conversion.quote("quote.updated", {}) == Quote()
    assert conversion.interaction("interaction.resolved", {}) == Interaction()
    assert conversion.lead("agent.created", {}) is None
    assert conversion.quote("lead.created", conversion_envelope("quotes")) is None
    assert conversion.interaction("lead.created", conversion_envelope()) is None
