"""The contract `conversion`, as functions over JSON; over HTTP see test_client_conversion.py."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.webhooks import payload
from zenvia_webhooks.contracts import conversion, get_contract, recognise
from zenvia_webhooks.contracts.base import Interaction, Lead, Quote, RemoteSubscription

URL = "https://crm.example.com/zenvia/webhook/0a/"
RESOLVED = ("resolved", "finished")
NAMES = ("interactions", "quotes", "prospects", "agents")


def envelope(name: str = "interactions", **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(f"conversion_{name}"))
    return {key: value for key, value in {**found, **changes}.items() if value != "left out"}


# Topics


@pytest.mark.parametrize(
    ("canonical", "wire", "read_back"),
    [
        ("lead.created", "prospects", "lead.created"),
        ("lead.updated", "prospects", "lead.created"),
        ("quote.accepted", "quotes", "quote.updated"),
        ("interaction.resolved", "interactions", "interaction.resolved"),
        ("interaction.created", "interactions", "interaction.resolved"),
        ("agent.created", "agents", "agent.created"),
        ("visit.booked", "visits", "visit.created"),
        ("visits", "visits", "visit.created"),
    ],
)
def test_one_subscribes_to_a_resource(canonical: str, wire: str, read_back: str) -> None:
    assert conversion.wire_topic(canonical, {}) == wire
    assert conversion.canonical_topic(wire, {}) == read_back


def test_wire_topics_go_before_both_ways() -> None:
    renamed = {"quote.updated": "budgets", "lead.created": "people"}
    assert conversion.wire_topic("quote.updated", renamed) == "budgets"
    assert conversion.wire_topic("lead.updated", renamed) == "people"
    assert conversion.wire_topic("interaction.resolved", renamed) == "interactions"
    assert conversion.canonical_topic("budgets", renamed) == "quote.updated"
    found = conversion.read_notification(envelope("prospects", topic="people", type="updated"), renamed, RESOLVED)
    assert found.topic == "lead.updated"
    assert conversion.data(envelope("prospects", topic="people"))["firstName"] == "Ana"


def test_several_topics_of_one_resource_are_asked_for_once() -> None:
    call = conversion.create_call(["lead.created", "quote.updated", "lead.updated"], URL, {})
    assert call.body == {"topics": ["prospects", "quotes"], "callbackUrl": URL}
    with pytest.raises(ValueError, match="at least one topic"):
        conversion.create_call([], URL, {})


# Replies


def test_subscriptions_are_read() -> None:
    rows = [
        {"id": "5f0c", "topics": ["prospects", "quotes", "prospects"], "callbackUrl": URL, "more": 1},
        {"id": 7, "topics": [], "callbackUrl": None},
    ]
    assert conversion.read_list(rows, {}) == [
        RemoteSubscription(id="5f0c", topics=("lead.created", "quote.updated"), callback_url=URL),
        # A stranger's, which a new one would replace: it must be seen.
        RemoteSubscription(id="7", topics=(), callback_url=""),
    ]


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {"topics": ["prospects"], "callbackUrl": URL},
        {"id": "1", "topics": "prospects", "callbackUrl": URL},
        {"id": "1", "topics": [None], "callbackUrl": URL},
        {"id": "1", "callbackUrl": URL},
        {"id": "1", "topics": [], "callbackUrl": 5},
    ],
)
def test_what_is_no_subscription_is_a_value_error(row: object) -> None:
    with pytest.raises(ValueError, match="a subscription with"):
        conversion.read_subscription(row, {})
    with pytest.raises(ValueError, match="a subscription with"):
        conversion.read_list([row], {})
    with pytest.raises(ValueError, match="a list of subscriptions"):
        conversion.read_list(row if row != [] else {}, {})


def test_topics_are_read() -> None:
    reply = [{"name": "prospects", "description": "x"}, {"name": "visits"}, {"name": "prospects"}]
    assert conversion.read_topics(reply, {}) == ["lead.created", "visit.created"]
    odd: object
    for odd in (None, {}, ["prospects"], [{"description": "x"}]):
        with pytest.raises(ValueError, match="a list of topics"):
            conversion.read_topics(odd, {})


# Recognising


@pytest.mark.parametrize("name", NAMES)
def test_payload_is_recognised_as_its_own(name: str) -> None:
    assert recognise(envelope(name)) is get_contract("conversion")
    assert not get_contract("help_center").recognise(envelope(name))


@pytest.mark.parametrize("name", ["lead_created", "quote_updated", "interaction_resolved", "unknown_topic"])
def test_the_other_contracts_payload_is_not(name: str) -> None:
    found = json.loads(payload(name))
    assert not conversion.recognise(found)
    # Whatever else is in it.
    assert not conversion.recognise({**envelope(), **found})


@pytest.mark.parametrize(
    "stranger",
    [
        {},
        {"topic": "prospects", "type": "created"},
        {"topic": "prospects", "prospect": {}},
        {"subscriptionId": "1", "prospect": {}},
        {"subscriptionId": "1", "topic": "prospects", "type": 5, "prospect": []},
        {"subscriptionId": "1", "type": "created", "visit": {}},
        {"subscriptionId": "1", "topic": "t" * 99, "type": "created"},
        {"subscriptionId": "1", "topic": "prospects", "type": "t" * 99},
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
        ("quotes", {}, "quote.updated"),
        ("agents", {}, "agent.created"),
        ("interactions", {}, "interaction.created"),
        ("interactions", {"type": "Finished"}, "interaction.resolved"),
        ("interactions", {"interaction": {"status": " Resolved "}}, "interaction.resolved"),
        ("interactions", {"interaction": {"status": 5}}, "interaction.created"),
        ("interactions", {"type": "left out"}, "interaction.created"),
        ("interactions", {"topic": "left out"}, "interaction.created"),
        ("interactions", {"topic": 5}, "interaction.created"),
    ],
)
def test_topic_is_resource_and_type(name: str, changes: dict[str, Any], topic: str) -> None:
    found = envelope(name, **changes)
    assert conversion.recognise(found)
    assert conversion.read_notification(found, {}, RESOLVED).topic == topic


def test_occurred_at_is_the_update_else_the_best_that_there_is() -> None:
    def of(**changes: Any) -> datetime | None:
        return conversion.read_notification(envelope(**changes), {}, ()).occurred_at

    assert of() == datetime(2024, 2, 6, 13, 50, 44, 521000, tzinfo=UTC)
    assert of(updatedAt=None) == datetime(2024, 2, 6, 13, 50, 44, 500000, tzinfo=UTC)
    assert of(updatedAt=[], interaction={}) == datetime(2024, 2, 6, 13, 50, 44, 668000, tzinfo=UTC)
    assert of(updatedAt="left out", interaction={}, received="?") is None


# Values


def test_lead_is_read_from_the_prospect() -> None:
    assert conversion.lead("interaction.created", envelope()) == Lead(
        lead_id="65c2390c1f7e4a0012ab0001",
        name="Ana Paz",
        email="ana.paz@example.com",
        phone="+5491100000001",
        emails=("ana.paz@example.com",),
        phones=("+5491100000001", "+5491100000002"),
        status="followUp",
        agent="Luís Romero",
        group_id="5e1f00aa0000000000000001",
        source="WHATSAPP",
    )


def test_interaction_is_read() -> None:
    assert conversion.interaction("interaction.created", envelope()) == Interaction(
        interaction_id="65c239140000000000000001",
        lead_id="65c2390c1f7e4a0012ab0001",
        status="created",
        via="whatsApp",
        direction="outbound",
        text="Olá, Ana!",
        agent="Luís Romero",
        finished_at=datetime(2024, 2, 6, 13, 50, 44, 510000, tzinfo=UTC),
    )
    incoming = envelope(interaction={"agentId": "another", "input": {"message": "Oi"}})
    read = conversion.interaction("interaction.created", incoming)
    assert read is not None
    assert (read.direction, read.text, read.agent) == ("inbound", "Oi", "another")
    assert conversion.interaction("lead.created", envelope()) is None


def test_quote_is_read() -> None:
    assert conversion.quote("quote.updated", envelope("quotes")) == Quote(
        quote_id="65c239140000000000000002",
        lead_id="65c2390c1f7e4a0012ab0001",
        status="accepted",
        total=Decimal("199.9"),
        created_at=datetime(2024, 2, 5, 10, tzinfo=UTC),
    )
    assert conversion.quote("lead.created", envelope("quotes")) is None


def test_data_is_the_object_of_the_topic() -> None:
    keys = dict(zip(NAMES, ("interaction", "quote", "prospect", "agent"), strict=True))
    for name, key in keys.items():
        assert conversion.data(envelope(name)) == envelope(name)[key]
    # Not the prospect that comes with it.
    assert conversion.data(envelope(interaction="left out")) == {}


def test_values_of_an_empty_envelope_are_empty_on_their_own_topic_and_nothing_elsewhere() -> None:
    assert conversion.lead("lead.created", {}) == Lead()
    assert conversion.quote("quote.updated", {}) == Quote()
    assert conversion.interaction("interaction.resolved", {}) == Interaction()
    assert conversion.lead("agent.created", {}) is None


# Identity


def test_identity_leaves_out_what_is_the_attempts_own_and_at_the_top_alone() -> None:
    first = envelope()
    again = copy.deepcopy(first) | {"attempts": 2, "sent": "later", "received": "later", "subscriptionId": "other"}
    assert conversion.identity(again) == conversion.identity(first)
    for change in ({"updatedAt": "later"}, {"type": "updated"}, {"topic": "quotes"}, {"interaction": {"status": "x"}}):
        assert conversion.identity(first | change) != conversion.identity(first)
    inside = copy.deepcopy(first)
    inside["interaction"]["attempts"] = 2
    assert conversion.identity(inside) != conversion.identity(first)
