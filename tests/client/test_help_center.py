"""Every row of what is published about the contract `help_center` (DESIGN 1.1), in its order, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.support.account import KEY
from tests.support.calls import OURS, URL, error_of
from tests.support.webhooks import payload, post
from tests.support.wire import Answer, Wire, hangs_up, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.contracts.values import Lead
from zenvia_webhooks.exceptions import ZenviaAPIError
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox

SUBSCRIPTION = OURS["help_center"]


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        account["API_URL"] = running.api_url
        yield running


# The base address, the header, JSON both ways


@pytest.mark.usefixtures("account")
def test_the_base_address_is_the_documented_one() -> None:
    assert conf.account("default").contract == "help_center"
    assert conf.account("default").api_url == "https://api.zenvia.com/v1"


def test_each_call_is_the_documented_request_to_the_byte(wire: Wire) -> None:
    wire.script("GET", says(200, []))
    wire.script("POST", says(201, SUBSCRIPTION))
    wire.script("DELETE", says(204))
    client = ZenviaClient()

    client.list_subscriptions()
    client.create_subscription(["lead.created"], URL)
    client.delete_subscription("subscription1")

    body = f'{{"topic": "lead.created", "callbackUrl": "{URL}"}}'.encode()
    assert [(asked.method, asked.path, asked.body) for asked in wire.asked] == [
        ("GET", "/v1/subscriptions", b""),
        ("POST", "/v1/subscriptions", body),
        ("DELETE", "/v1/subscriptions/subscription1", b""),
    ]
    for asked in wire.asked:
        told = {name: value for name, value in asked.headers.items() if name not in ("User-Agent", "Accept-Encoding")}
        assert told == {
            "Host": wire.host,
            "Connection": "keep-alive",
            "Accept": "application/json",
            "Authorization": f"Bearer {KEY}",
        } | {
            "POST": {"Content-Type": "application/json", "Content-Length": str(len(body))},
            "DELETE": {"Content-Length": "0"},
        }.get(asked.method, {})


# POST and GET


def test_the_documented_list_is_read(wire: Wire) -> None:
    wire.script("GET", says(200, b'[{"id": "subscription1", "topic": "lead.created", "callbackUrl": "https://..."}]'))

    assert ZenviaClient().list_subscriptions() == [
        RemoteSubscription(id="subscription1", topics=("lead.created",), callback_url="https://...")
    ]


@pytest.mark.parametrize("topics", [[], ["lead.created", "quote.updated"]])
def test_more_or_fewer_topics_than_one_are_refused_before_the_call(wire: Wire, topics: list[str]) -> None:
    with pytest.raises(ValueError, match="exactly one topic a subscription"):
        ZenviaClient().create_subscription(topics, URL)

    assert wire.asked == []


# Removal


def test_a_removal_names_the_id_in_the_path_and_404_is_removed_too(sandbox: Sandbox) -> None:
    sandbox.add(["lead.created"], URL)

    ZenviaClient().delete_subscription("subscription1")
    ZenviaClient().delete_subscription("a/b ç?")

    assert sandbox.subscriptions == []
    assert [(request.method, request.path, request.status) for request in sandbox.requests] == [
        ("DELETE", "/v1/subscriptions/subscription1", 204),
        ("DELETE", "/v1/subscriptions/a%2Fb%20%C3%A7%3F", 404),
    ]


@pytest.mark.parametrize("status", [405, 501])
def test_a_removal_that_is_not_possible_this_way_is_an_error_of_that_status(wire: Wire, status: int) -> None:
    wire.script("DELETE", says(status, {"message": "not here"}))

    error = error_of(lambda: ZenviaClient().delete_subscription("subscription1"))

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.message) == (status, "not here")


# What POST answers


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(("given", "read"), [("abc", "abc"), (42, "42"), ("  abc\n", "abc")])
def test_a_created_subscription_is_read(wire: Wire, status: int, given: object, read: str) -> None:
    wire.script("POST", says(status, {**SUBSCRIPTION, "id": given, "createdAt": "2024-12-09"}))

    assert ZenviaClient().create_subscription(["lead.created"], URL).id == read
    assert wire.count("GET") == 0


@pytest.mark.parametrize("answer", [says(200), says(201, " \n"), says(204)])
def test_after_an_empty_answer_the_subscription_is_looked_up(wire: Wire, answer: Answer) -> None:
    stranger = {**SUBSCRIPTION, "id": "stranger", "callbackUrl": "https://elsewhere.example/"}
    wire.script("POST", answer)
    wire.script("GET", says(200, [stranger, {**SUBSCRIPTION, "id": "other", "topic": "quote.updated"}, SUBSCRIPTION]))

    assert ZenviaClient().create_subscription(["lead.created"], URL).id == "subscription1"
    assert wire.count("POST") == 1


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (says(200, []), "an empty answer, and it is not in the list"),
        (says(403, {"message": "no scope"}), "GET /subscriptions was answered 403: no scope"),
        (hangs_up, "GET /subscriptions got no whole answer"),
    ],
)
def test_after_an_empty_answer_that_the_list_does_not_explain_the_outcome_is_unknown(
    wire: Wire, listed: Answer, words: str
) -> None:
    wire.script("POST", says(204))
    wire.script("GET", listed)

    error = error_of(lambda: ZenviaClient().create_subscription(["lead.created"], URL))

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.outcome_unknown, wire.count("POST")) == (204, True, 1)
    assert words in str(error)


@pytest.mark.parametrize("wrote", [URL.rstrip("/"), URL.replace("crm.example.com", "CRM.Example.com")])
def test_a_url_that_zenvia_wrote_another_way_is_still_ours(wire: Wire, wrote: str) -> None:
    wire.script("POST", says(201, {**SUBSCRIPTION, "callbackUrl": wrote}))
    assert ZenviaClient().create_subscription(["lead.created"], URL).id == "subscription1"


# Topics


@pytest.mark.usefixtures("account")
def test_the_published_topics_are_those_offered() -> None:
    assert ZenviaClient().list_topics() == ["lead.created", "quote.updated", "interaction.resolved"]


def test_a_renamed_topic_is_renamed_both_ways(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["WIRE_TOPICS"] = {"quote.updated": "cotação.status"}

    created = ZenviaClient().create_subscription(["quote.updated"], URL)

    assert sandbox.requests[0].json() == {"topic": "cotação.status", "callbackUrl": URL}
    assert created.topics == ("quote.updated",)
    assert ZenviaClient().list_subscriptions() == [created]


# A webhook


def test_the_documented_webhook_is_an_event(client: Client, subscription: Subscription) -> None:
    assert post(client, subscription, payload("lead_created")).status_code == 200

    event = Event.objects.get()
    assert (event.contract, event.topic) == ("help_center", "lead.created")
    assert event.occurred_at == datetime(2024, 12, 9, 15, 30, tzinfo=UTC)
    assert event.lead == Lead(
        lead_id="12345",
        name="João Silva",
        email="joao.silva@email.com",
        phone="+5511999999999",
        emails=("joao.silva@email.com",),
        phones=("+5511999999999",),
    )
