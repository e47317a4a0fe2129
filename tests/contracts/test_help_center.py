"""The contract `help_center`, as functions over JSON; over HTTP see tests/client/test_help_center.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.webhooks import payload
from zenvia_webhooks.contracts import get_contract, help_center, recognise
from zenvia_webhooks.contracts.base import Call, RemoteSubscription
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote, QuoteItem

RENAMED = {"quote.updated": "quote.status"}
URL = "https://crm.example.com/zenvia/webhook/0a/"


def envelope(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(name))
    return found


# Calls


def test_calls_are_as_published() -> None:
    assert help_center.list_call() == Call(method="GET", path="/subscriptions")
    assert help_center.create_call(["lead.created"], URL, {}) == Call(
        method="POST", path="/subscriptions", body={"topic": "lead.created", "callbackUrl": URL}
    )
    assert help_center.delete_call("subscription1") == Call(method="DELETE", path="/subscriptions/subscription1")
    assert help_center.credentials("key").headers == {"Authorization": "Bearer key"}


def test_key_is_not_shown() -> None:
    assert "secret" not in repr(help_center.credentials("secret"))


def test_remote_id_can_not_change_the_path() -> None:
    assert help_center.delete_call("../a?b#c").path == "/subscriptions/..%2Fa%3Fb%23c"


@pytest.mark.parametrize("topics", [[], ["lead.created", "quote.updated"]])
def test_one_topic_a_subscription(topics: list[str]) -> None:
    with pytest.raises(ValueError, match="exactly one topic"):
        help_center.create_call(topics, URL, {})


def test_a_topic_can_be_renamed_both_ways() -> None:
    call = help_center.create_call(["quote.updated"], URL, RENAMED)
    assert call.body == {"topic": "quote.status", "callbackUrl": URL}
    row = {"id": "1", "topic": "quote.status", "callbackUrl": URL}
    assert help_center.read_subscription(row, RENAMED).topics == ("quote.updated",)
    assert help_center.read_subscription(row, {}).topics == ("quote.status",)
    notification = help_center.read_notification({"topic": "quote.status", "data": {}}, RENAMED, ())
    assert notification.topic == "quote.updated"


# Replies


def test_list_is_read() -> None:
    reply = [
        {"id": "subscription1", "topic": "lead.created", "callbackUrl": URL, "more": 1},
        {"id": 2, "topic": "visit.booked", "callbackUrl": URL},
    ]
    assert help_center.read_list(reply, {}) == [
        RemoteSubscription(id="subscription1", topics=("lead.created",), callback_url=URL),
        RemoteSubscription(id="2", topics=("visit.booked",), callback_url=URL),
    ]
    assert help_center.read_list([], {}) == []


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "",
        5,
        {"subscriptions": []},
        [[]],
        ["subscription1"],
        [{"topic": "lead.created", "callbackUrl": URL}],
        [{"id": "1", "topic": None, "callbackUrl": URL}],
        [{"id": True, "topic": "lead.created", "callbackUrl": URL}],
    ],
)
def test_list_that_can_not_be_read_is_a_value_error(reply: object) -> None:
    with pytest.raises(ValueError, match="was due"):
        help_center.read_list(reply, {})


# Webhooks


@pytest.mark.parametrize("name", ["lead_created", "quote_updated", "interaction_resolved", "unknown_topic"])
def test_payload_is_recognised(name: str) -> None:
    assert recognise(envelope(name)) is get_contract("help_center")


@pytest.mark.parametrize(
    "stranger",
    [
        {},
        {"topic": "lead.created"},
        {"data": {}},
        {"topic": "", "data": {}},
        {"topic": " ", "data": {}},
        {"topic": 5, "data": {}},
        {"topic": None, "data": {}},
        {"topic": "lead.created", "data": []},
        {"topic": "lead.created", "data": None},
    ],
)
def test_stranger_is_not_recognised(stranger: dict[str, object]) -> None:
    assert recognise(stranger) is None


def test_lead_is_read_as_published() -> None:
    found = envelope("lead_created")
    notification = help_center.read_notification(found, {}, ())
    assert notification.topic == "lead.created"
    assert notification.occurred_at == datetime(2024, 12, 9, 15, 30, tzinfo=UTC)
    assert help_center.lead("lead.created", found) == Lead(
        lead_id="12345",
        name="João Silva",
        email="joao.silva@email.com",
        phone="+5511999999999",
        emails=("joao.silva@email.com",),
        phones=("+5511999999999",),
    )


def test_quote_and_interaction_are_read_leniently() -> None:
    quote = envelope("quote_updated")
    assert help_center.quote("quote.updated", quote) == Quote(
        quote_id="q-77", lead_id="12345", status="accepted", total=Decimal("199.9")
    )
    resolved = envelope("interaction_resolved")
    assert help_center.interaction("interaction.resolved", resolved) == Interaction(
        interaction_id="i-9", lead_id="12345", status="resolved", via="whatsApp"
    )


ODD_DATA: list[dict[str, Any]] = [
    {},
    {"leadId": None, "name": [], "email": {}, "phone": False, "id": 1.5, "status": ["a"]},
    {"leadId": "", "name": " ", "email": "\n"},
]


@pytest.mark.parametrize("data", ODD_DATA)
def test_odd_data_is_empty_on_its_own_topic_and_nothing_elsewhere(data: dict[str, Any]) -> None:
    assert help_center.lead("lead.created", {"data": data}) == Lead()
    assert help_center.lead("quote.updated", {"data": data}) is None
    assert help_center.quote("quote.updated", {"data": data}) == Quote()
    assert help_center.quote("lead.created", {"data": data}) is None
    assert help_center.interaction("interaction.resolved", {"data": data}) == Interaction()
    assert help_center.interaction("lead.created", {"data": data}) is None


def test_a_quote_is_read_as_far_as_its_sibling_is_published() -> None:
    data = {"id": 7, "items": [{"price": "9.90", "quantity": 2}, 5], "acceptedAt": "2026-03-12T17:58:40Z"}
    assert help_center.quote("quote.updated", {"data": data}) == Quote(
        quote_id="7",
        items=(QuoteItem(price=Decimal("9.90"), quantity=Decimal(2)),),
        accepted_at=datetime(2026, 3, 12, 17, 58, 40, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("topic", "data", "expected"),
    [
        ("lead.created", {"leadId": "12345", "id": "x"}, "lead:12345"),
        ("quote.updated", {"quoteId": 7, "leadId": "12345"}, "quote:7"),
        ("interaction.resolved", {"id": "i-9"}, "interaction:i-9"),
        ("visit.booked", {"id": "v"}, "visit:v"),
        ("lead.created", {"leadId": []}, None),
        ("quote.updated", {"leadId": "12345"}, None),
    ],
)
def test_object_is_resource_and_id(topic: str, data: dict[str, Any], expected: str | None) -> None:
    assert help_center.object_id(topic, {"data": data}) == expected


def test_nothing_more_is_known_about_its_answers() -> None:
    assert not any(help_center.hint(status, is_empty=empty) for status in (403, 404, 429) for empty in (True, False))
    assert help_center.advice(["interaction.resolved"], {}, wants_resolved=True) == ""


def test_lead_is_there_on_another_topic_that_says_who() -> None:
    assert help_center.lead("quote.updated", {"data": {"leadId": 7}}) == Lead(lead_id="7")


@pytest.mark.parametrize("url", [None, "", 5.5, []])
def test_what_calls_nobody_is_left_out_of_a_list(url: object) -> None:
    rows = [{"id": "1", "callbackUrl": url}, {"id": "2", "topic": "lead.created", "callbackUrl": URL}]
    assert [row.id for row in help_center.read_list(rows, {})] == ["2"]
