"""The contract `conversion`: its calls, replies and topics; what it posts is in test_conversion_envelope.py."""

from __future__ import annotations

import pytest

from tests.support.webhooks import conversion_envelope
from zenvia_webhooks.contracts import conversion, current_address
from zenvia_webhooks.contracts.base import RemoteSubscription

URL = "https://crm.example.com/zenvia/webhook/0a/"


# Topics


@pytest.mark.parametrize(
    ("canonical", "wire", "read_back"),
    [
        ("lead.created", "prospects", "lead.created"),
        ("lead.updated", "prospects", "lead.created"),
        ("quote.accepted", "quotes", "quote.updated"),
        ("interaction.resolved", "interactions", "interaction.created"),
        ("interaction.created", "interactions", "interaction.created"),
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
    people = conversion_envelope("prospects", topic="people", type="updated")
    assert conversion.read_notification(people, renamed, ()).topic == "lead.updated"
    assert conversion.data(people)["firstName"] == "bia.demo"
    assert conversion.object_id("lead.updated", people) == "lead:69b03936aa00aa11aa22aa02"


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


# What is known besides


@pytest.mark.parametrize(
    ("status", "is_empty", "words"),
    [
        (403, False, "15 to 20 minutes"),
        (404, True, "an id that Zenvia does not know"),
        (404, False, ""),
        (409, False, "belongs to no user"),
        (429, True, "too many calls"),
        (500, True, ""),
    ],
)
def test_hints(status: int, is_empty: bool, words: str) -> None:
    hint = str(conversion.hint(status, is_empty=is_empty))
    assert words in hint
    assert bool(hint) is bool(words)


@pytest.mark.parametrize(
    ("host", "is_former"),
    [
        ("api.getsirena.com", True),
        ("getsirena.com", True),
        ("api.sirena.app", True),
        ("conversion.zenvia.com", False),
        ("notgetsirena.com", False),
        ("getsirena.com.example.com", False),
        ("", False),
    ],
)
def test_former_addresses_are_known(host: str, is_former: bool) -> None:
    assert current_address(host) == ("https://conversion.zenvia.com/v1" if is_former else "")


@pytest.mark.parametrize(
    ("topics", "wants_resolved", "is_told"),
    [
        (["interaction.resolved"], False, True),
        (["interaction.created"], False, False),
        (["interaction.created"], True, True),
        (["quote.updated"], True, True),
        (["interaction.resolved", "lead.updated"], True, False),
        (list(conversion.TOPICS), True, False),
    ],
)
def test_who_wants_what_is_resolved_is_told_that_it_comes_with_the_leads(
    topics: list[str], wants_resolved: bool, is_told: bool
) -> None:
    said = conversion.advice(topics, {}, wants_resolved=wants_resolved)
    assert ("lead.created (prospects)" in said) is bool(said) is is_told
