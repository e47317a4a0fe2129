"""Sample payloads, in the envelope of either contract."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.paths import ROOT
from zenvia_webhooks.contracts import get_contract, recognise
from zenvia_webhooks.sandbox import Listing
from zenvia_webhooks.sandbox.samples import KINDS, sample_payload


def test_a_sample_lead_has_the_published_shape_and_is_new_each_time() -> None:
    samples = [sample_payload("lead.created") for _ in range(50)]
    for sample in samples:
        assert list(sample) == ["topic", "eventTime", "data"]
        assert sample["topic"] == "lead.created"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sample["eventTime"])
        assert list(sample["data"]) == ["leadId", "name", "email", "phone"]
        assert all(isinstance(value, str) for value in sample["data"].values())
        assert re.fullmatch(r"[a-z]+\.[a-z]+\d+@example\.(com|org|net)", sample["data"]["email"])
        assert re.fullmatch(r"\+\d{11,15}", sample["data"]["phone"])
    assert len({sample["data"]["leadId"] for sample in samples}) == 50


def test_fields_go_over_what_is_made_up() -> None:
    assert sample_payload("lead.created", leadId="12345", note="x")["data"].items() >= {
        ("leadId", "12345"),
        ("note", "x"),
    }
    assert sample_payload("interaction.resolved")["data"]["status"] == "resolved"
    assert sample_payload("quote.updated", status="accepted")["data"]["status"] == "accepted"
    assert sample_payload("visit.booked", topic="walk")["data"] == {"topic": "walk"}


@pytest.mark.parametrize(
    ("topic", "kind"), [(topic, kind) for topic, kinds in KINDS["conversion"].items() for kind in kinds]
)
def test_every_sample_of_conversion_is_recognised_and_holds_its_fields(topic: str, kind: str) -> None:
    contract = get_contract("conversion")
    sample = sample_payload(topic, contract="conversion", kind=kind, note="x")
    assert recognise(sample) is contract
    assert sample["topic"] == contract.wire_topic(topic, {})
    assert sample["type"] == ("created" if topic.endswith(".created") else "updated")
    assert contract.data(sample)["note"] == "x"
    assert ("prospect" in sample) == (not topic.startswith("agent."))
    assert re.fullmatch("[0-9a-f]{24}", sample["subscriptionId"])


def test_a_kind_is_what_it_says() -> None:
    social = sample_payload("lead.created", contract="conversion", kind="social")["prospect"]
    assert (social["phones"], social["emails"]) == ([], [])
    assert re.fullmatch(r"\d{16}", social["contactMediums"][0]["mediumId"])
    archived = sample_payload("lead.archived", contract="conversion")["prospect"]
    assert (archived["status"], bool(archived["archivingReason"])) == ("archived", True)
    again = sample_payload("lead.updated", contract="conversion", kind="asked again")["prospect"]
    assert [len(again["leads"]), again["leads"][0]["created"] < again["leads"][1]["created"]] == [2, True]
    quote = sample_payload("quote.updated", contract="conversion", kind="rejected")["quote"]
    assert (quote["status"], "rejectedAt" in quote, "acceptedAt" in quote) == ("rejected", True, False)
    resolved = sample_payload("interaction.resolved", contract="conversion")["interaction"]
    assert resolved["status"] == "resolved"
    delivered = sample_payload("interaction.updated", contract="conversion")["interaction"]
    assert (delivered["status"], delivered["output"]["message"]["delivered"]) == ("updated", True)


@pytest.mark.parametrize(
    ("topic", "kind", "type_", "about"),
    [
        ("interaction.created", "inbound", "MESSAGE", "message"),
        ("interaction.created", "conversation", "CONVERSATION_MESSAGE", "message"),
        ("interaction.resolved", None, "CONVERSATION_STATUS", "conversation"),
        ("conversation.queued", None, "CONVERSATION_STATUS", "conversation"),
        ("message.status", "read", "MESSAGE_STATUS", "messageStatus"),
        ("contact.deleted", None, "CONTACT", "contact"),
        ("support.expert.agent", None, "SUPPORT_EXPERT_AGENT", "ticket"),
    ],
)
def test_samples_of_the_messaging_platform(topic: str, kind: str | None, type_: str, about: str) -> None:
    sample = sample_payload(topic, "messaging", kind=kind, note="x")
    assert sample["type"] == type_
    assert sample[about]["note"] == "x"
    assert "topic" not in sample


def test_every_sample_of_the_messaging_platform_can_be_had() -> None:
    for topic, kinds in KINDS["messaging"].items():
        for kind in kinds:
            assert json.dumps(sample_payload(topic, "messaging", kind=kind))


def test_each_sample_of_the_other_contract_is_a_new_event() -> None:
    contract = get_contract("conversion")
    samples = [contract.identity(sample_payload("quote.updated", contract="conversion")) for _ in range(20)]
    assert len({json.dumps(sample) for sample in samples}) == 20


@pytest.mark.parametrize(
    ("topic", "contract", "kind", "words"),
    [
        ("lead.created", "third", None, r"contract 'third': choose from help_center, conversion, messaging"),
        ("interaction.created", "conversion", "song", r"no kind 'song'.*inbound, outbound, bot"),
        ("lead.created", "help_center", "social", r"no kind 'social'.*none"),
        ("visit.booked", "messaging", None, r"no sample of 'visit.booked'.*interaction.created"),
    ],
)
def test_what_there_is_no_sample_of_is_refused(topic: str, contract: str, kind: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sample_payload(topic, contract, kind=kind)


def test_the_document_has_every_sample_and_every_fault() -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for contract, topics in KINDS.items():
        rows = [line for line in text.splitlines() if line.startswith(f"| `{contract}`")]
        for topic, kinds in topics.items():
            if topic.startswith("conversation."):
                continue  # they are many, and alike
            [row] = [line for line in rows if f"`{topic}`" in line]
            # Nothing to choose from is not spelt out.
            named = re.findall("`([^`]+)`", row.split("|")[3])
            assert named == list(kinds) or (not named and len(kinds) < 2)
    for option in (*Listing.__dataclass_fields__, "pairs_every", "impatient_every"):
        assert f"{option}=" in text
