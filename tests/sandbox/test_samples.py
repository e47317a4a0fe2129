"""Sample payloads, in the envelope of either contract."""

from __future__ import annotations

import json
import re

import pytest

from zenvia_webhooks.contracts import get_contract, recognise
from zenvia_webhooks.sandbox.samples import sample_payload


def test_a_sample_lead_has_the_published_shape_and_is_new_each_time() -> None:
    samples = [sample_payload("lead.created") for _ in range(50)]
    for sample in samples:
        assert list(sample) == ["topic", "eventTime", "data"]
        assert sample["topic"] == "lead.created"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sample["eventTime"])
        assert list(sample["data"]) == ["leadId", "name", "email", "phone"]
        assert all(isinstance(value, str) for value in sample["data"].values())
        assert re.fullmatch(r"[a-z.]+@example\.com", sample["data"]["email"])
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
    "topic",
    ["lead.created", "lead.updated", "quote.updated", "interaction.resolved", "interaction.created", "agent.created"],
)
def test_a_sample_of_the_other_contract_is_read_as_its_topic(topic: str) -> None:
    contract = get_contract("conversion")
    sample = sample_payload(topic, contract="conversion", note="x")
    assert recognise(sample) is contract
    notification = contract.read_notification(sample, {}, ("resolved",))
    assert notification.topic == topic
    assert notification.occurred_at is not None
    assert contract.data(sample)["note"] == "x"
    lead = contract.lead(topic, sample)
    assert (lead is None) == (topic == "agent.created")
    assert lead is None or (lead.email and lead.email.endswith("@example.com"))


def test_each_sample_of_the_other_contract_is_a_new_event() -> None:
    contract = get_contract("conversion")
    samples = [contract.identity(sample_payload("quote.updated", contract="conversion")) for _ in range(20)]
    assert len({json.dumps(sample) for sample in samples}) == 20


def test_a_contract_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples of the contract 'third'"):
        sample_payload("lead.created", contract="third")
