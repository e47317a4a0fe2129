"""Envelopes of the contract `conversion`: whose they are, their topic, their time and what they are about."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.webhooks import LEFT_OUT, OF_CONVERSION, conversion_envelope, payload
from zenvia_webhooks.contracts import conversion, get_contract, recognise

RESOLVED = ("resolved", "finished")
ARCHIVED = "assumed-prospect-archived"

# Recognising


@pytest.mark.parametrize("name", OF_CONVERSION)
def test_payload_is_recognised_as_its_own(name: str) -> None:
    assert recognise(conversion_envelope(name)) is get_contract("conversion")
    assert not get_contract("help_center").recognise(conversion_envelope(name))


@pytest.mark.parametrize("name", ["lead_created", "quote_updated", "interaction_resolved", "unknown_topic"])
def test_the_other_contracts_payload_is_not(name: str) -> None:
    found = json.loads(payload(name))
    assert not conversion.recognise(found)
    # Whatever else is in it.
    assert not conversion.recognise({**conversion_envelope(), **found})


@pytest.mark.parametrize(
    "stranger",
    [
        {},
        {"topic": "prospects", "type": "created"},
        {"topic": "prospects", "prospect": {}},
        {"subscriptionId": "1", "prospect": {}},
        {"subscriptionId": "1", "topic": "prospects", "type": 5, "prospect": []},
        {"subscriptionId": "1", "type": "created", "visit": {}},
    ],
)
def test_stranger_is_not_recognised(stranger: dict[str, object]) -> None:
    assert recognise(stranger) is None


def test_unknown_resource_is_recognised_and_read() -> None:
    visit: dict[str, Any] = {"subscriptionId": "1", "topic": "visits", "type": "booked", "visit": {"room": 7}}
    assert recognise(visit) is get_contract("conversion")
    assert conversion.read_notification(visit, {}, RESOLVED).topic == "visit.booked"
    assert conversion.data(visit) == {"room": 7}
    assert conversion.lead("visit.booked", visit) is None


# Topic and time


@pytest.mark.parametrize(
    ("name", "changes", "topic"),
    [
        ("prospects", {}, "lead.created"),
        ("prospects", {"type": "updated"}, "lead.updated"),
        ("prospects", {"type": "resolved"}, "lead.resolved"),
        ("prospects", {"type": "Created"}, "lead.created"),
        ("prospects", {"type": "created", "prospect": {"status": "archived"}}, "lead.created"),
        ("prospects", {"type": LEFT_OUT, "prospect": {"status": "archived"}}, "lead.created"),
        ("prospects", {"type": "moved", "prospect": {"status": " Archived"}}, "lead.archived"),
        ("prospects", {"type": "updated", "prospect": {"status": ["archived"]}}, "lead.updated"),
        (ARCHIVED, {}, "lead.archived"),
        ("quotes", {}, "quote.updated"),
        ("quotes", {"quote": {"status": "archived"}}, "quote.updated"),
        ("agents", {}, "agent.updated"),
        ("interactions", {}, "interaction.created"),
        ("interactions", {"prospect": {"status": "archived"}, "type": "updated"}, "interaction.updated"),
        ("interactions", {"type": "Finished"}, "interaction.resolved"),
        ("interactions", {"interaction": {"status": " Resolved "}}, "interaction.resolved"),
        ("interactions", {"interaction": {"status": 5}}, "interaction.created"),
        ("interactions", {"type": LEFT_OUT}, "interaction.created"),
        ("interactions", {"topic": LEFT_OUT}, "interaction.created"),
        ("interactions", {"topic": 5}, "interaction.created"),
    ],
)
def test_topic_is_resource_and_type(name: str, changes: dict[str, Any], topic: str) -> None:
    found = conversion_envelope(name, **changes)
    assert conversion.recognise(found)
    assert conversion.read_notification(found, {}, RESOLVED).topic == topic


def occurred_at(name: str, **changes: Any) -> datetime | None:
    return conversion.read_notification(conversion_envelope(name, **changes), {}, ()).occurred_at


def test_occurred_at_is_the_update_else_the_best_that_there_is() -> None:
    of_event, created, received = (datetime(2026, 3, 10, 13, 7, second, tzinfo=UTC) for second in (31, 30, 29))
    about = {"createdAt": created.isoformat()}
    assert occurred_at("interactions", interaction=about) == of_event.replace(microsecond=204000)
    assert occurred_at("interactions", interaction=about, updatedAt=None) == created
    assert occurred_at("interactions", interaction={}, updatedAt=[], received=received.isoformat()) == received
    assert occurred_at("interactions", interaction={}, updatedAt=LEFT_OUT, received="?") is None


def test_a_prospect_without_a_time_of_update_happened_when_it_was_created_only_if_it_was_created() -> None:
    created, received = conversion_envelope("prospects")["prospect"]["created"], "2026-03-10T15:31:03.034Z"
    assert occurred_at("prospects", updatedAt=LEFT_OUT) == datetime.fromisoformat(created)
    # `created` never changes: it would say that a change of today happened in March.
    assert occurred_at("prospects", updatedAt=LEFT_OUT, type="updated") == datetime.fromisoformat(received)
    assert occurred_at(ARCHIVED, updatedAt=None) == datetime(2026, 3, 12, 18, 0, 5, 224000, tzinfo=UTC)


def test_a_changed_quote_without_a_time_of_update_did_not_happen_when_it_was_created() -> None:
    assert occurred_at("quotes", updatedAt=None) == datetime(2026, 3, 12, 17, 58, 40, 411000, tzinfo=UTC)


# What it is about


def test_data_is_the_object_of_the_topic() -> None:
    for name, key in zip(OF_CONVERSION, ("interaction", "prospect", "quote", "agent"), strict=True):
        assert conversion.data(conversion_envelope(name)) == conversion_envelope(name)[key]
    # Not the prospect that comes with it.
    assert conversion.data(conversion_envelope(interaction=LEFT_OUT)) == {}


@pytest.mark.parametrize(
    ("name", "topic", "expected"),
    [
        ("interactions", "interaction.created", "interaction:69b01793ee00ee11ee22ee01"),
        ("prospects", "lead.created", "lead:69b03936aa00aa11aa22aa02"),
        (ARCHIVED, "lead.archived", "lead:69af014baa00aa11aa22aa01"),
        ("quotes", "quote.updated", "quote:69b15940ab00ab11ab22ab01"),
        ("agents", "agent.updated", "agent:64789650cc00cc11cc22cc01"),
    ],
)
def test_object_is_resource_and_id_whatever_the_type(name: str, topic: str, expected: str) -> None:
    assert conversion.object_id(topic, conversion_envelope(name)) == expected


def test_an_object_without_an_id_is_none() -> None:
    # Not the prospect's, which is not what it is about.
    assert conversion.object_id("interaction.created", conversion_envelope(interaction={"id": None})) is None


# Identity


def test_identity_leaves_out_what_is_the_attempts_own_and_at_the_top_alone() -> None:
    first = conversion_envelope()
    again = copy.deepcopy(first) | {"attempts": 2, "sent": "later", "received": "later", "subscriptionId": "other"}
    assert conversion.identity(again) == conversion.identity(first)
    for change in ({"updatedAt": "later"}, {"type": "updated"}, {"topic": "quotes"}, {"interaction": {"status": "x"}}):
        assert conversion.identity(first | change) != conversion.identity(first)
    inside = copy.deepcopy(first)
    inside["interaction"]["attempts"] = 2
    assert conversion.identity(inside) != conversion.identity(first)
