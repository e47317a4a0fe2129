"""Every row of what is published about the contract `conversion` (DESIGN 1.2), in its order, over real HTTP."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.support.account import KEY
from tests.support.calls import CALLS, OURS, URL, error_of
from tests.support.webhooks import OF_CONVERSION, payload, post
from tests.support.wire import Wire, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox

SUBSCRIPTION = OURS["conversion"]
READ = RemoteSubscription(id="subscription1", topics=("lead.created",), callback_url=URL)


@pytest.fixture(autouse=True)
def conversion(account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        account["API_URL"] = running.api_url
        yield running


# The base address, the key in the query


def test_the_base_address_is_the_documented_one() -> None:
    assert conf.account("default").api_url == "https://conversion.zenvia.com/v1"


def test_each_call_is_the_documented_request_to_the_byte(wire: Wire) -> None:
    wire.script(
        "GET",
        says(200, [{"name": "prospects", "description": "x"}]),
        says(200, []),
        says(200),
    )
    wire.script("POST", says(201, {**SUBSCRIPTION, "topics": ["prospects", "quotes"]}))
    wire.script("DELETE", says(200, SUBSCRIPTION))
    client = ZenviaClient()

    client.list_topics()
    client.list_subscriptions()
    client.create_subscription(["lead.created", "quote.updated"], URL)
    client.delete_subscription("subscription1")
    client.check_key()

    body = f'{{"topics": ["prospects", "quotes"], "callbackUrl": "{URL}"}}'.encode()
    assert [(asked.method, asked.path, asked.body) for asked in wire.asked] == [
        ("GET", f"/v1/notifications/topics?api-key={KEY}", b""),
        ("GET", f"/v1/notifications/subscriptions?api-key={KEY}", b""),
        ("POST", f"/v1/notifications/subscriptions?api-key={KEY}", body),
        ("DELETE", f"/v1/notifications/subscription/subscription1?api-key={KEY}", b""),
        ("GET", f"/v1/checkCredentials?api-key={KEY}", b""),
    ]
    for asked in wire.asked:
        told = {name: value for name, value in asked.headers.items() if name not in ("User-Agent", "Accept-Encoding")}
        assert told == {"Host": wire.host, "Connection": "keep-alive", "Accept": "application/json"} | {
            "POST": {"Content-Type": "application/json", "Content-Length": str(len(body))},
            "DELETE": {"Content-Length": "0"},
        }.get(asked.method, {})


# Topics


def test_the_documented_topics_are_read(wire: Wire) -> None:
    names = ["prospects", "interactions", "quotes", "agents"]
    wire.script("GET", says(200, [{"name": name, "description": "..."} for name in names]))

    assert ZenviaClient().list_topics() == ["lead.created", "interaction.created", "quote.updated", "agent.created"]
    assert set(ZenviaClient().list_topics()) == set(get_contract("conversion").TOPICS)


# The list


def test_the_list_is_read_and_may_be_empty(wire: Wire) -> None:
    wire.script("GET", says(200, b"[]"), says(200, [{**SUBSCRIPTION, "topics": ["prospects", "visits"]}]))

    assert ZenviaClient().list_subscriptions() == []
    [found] = ZenviaClient().list_subscriptions()
    assert found == RemoteSubscription(id="subscription1", topics=("lead.created", "visit.created"), callback_url=URL)


# A registration


@pytest.mark.parametrize("topics", [["lead.created"], ["lead.updated", "lead.created"]])
def test_a_registration_is_201_and_the_subscription(wire: Wire, topics: list[str]) -> None:
    wire.script("POST", says(201, SUBSCRIPTION))

    assert ZenviaClient().create_subscription(topics, URL) == READ
    assert wire.asked[0].body == f'{{"topics": ["prospects"], "callbackUrl": "{URL}"}}'.encode()


# A removal


def test_one_is_removed_in_the_singular(sandbox: Sandbox) -> None:
    created = ZenviaClient().create_subscription(["lead.created"], URL)

    assert ZenviaClient().list_subscriptions() == [created] == [dataclasses.replace(READ, id=created.id)]
    ZenviaClient().delete_subscription(created.id)
    assert ZenviaClient().list_subscriptions() == []
    ZenviaClient().delete_subscription("../x?y")
    one = f"/v1/notifications/subscription/{created.id}"
    assert [(request.method, request.route, request.status) for request in sandbox.requests[1:]] == [
        ("GET", "/v1/notifications/subscriptions", 200),
        ("DELETE", one, 200),
        ("GET", "/v1/notifications/subscriptions", 200),
        ("DELETE", "/v1/notifications/subscription/..%2Fx%3Fy", 404),
    ]


@pytest.mark.parametrize("body", [SUBSCRIPTION, {}, b""])
def test_a_removals_body_is_the_subscription_and_may_be_less(wire: Wire, body: object) -> None:
    wire.script("DELETE", says(200, body))

    ZenviaClient().delete_subscription("subscription1")

    assert wire.count("DELETE") == 1


# All at once


def test_every_subscription_is_never_removed_at_once(sandbox: Sandbox) -> None:
    for call in CALLS:
        if call.contract == "conversion":
            call.make()

    assert ("DELETE", "/v1/notifications/subscriptions") not in [
        (request.method, request.route) for request in sandbox.requests
    ]
    assert len(sandbox.requests) == 7


# One a group


def test_a_second_registration_deactivates_the_first(sandbox: Sandbox) -> None:
    assert get_contract("conversion").REPLACES
    assert not get_contract("help_center").REPLACES
    sandbox.add(["prospects"], "https://stranger.example/", "conversion")
    sandbox.add(["lead.created"], "https://elsewhere.example/", "help_center")

    created = ZenviaClient().create_subscription(["lead.created"], URL)

    assert ZenviaClient().list_subscriptions() == [created]
    assert [one.contract for one in sandbox.subscriptions] == ["help_center", "conversion"]


# The key


@pytest.mark.parametrize("body", [b"", b" \n", b"{}"])
def test_a_good_key_is_answered_without_a_body(wire: Wire, body: bytes) -> None:
    wire.script("GET", says(200, body))

    ZenviaClient().check_key()


def test_a_wrong_key_is_an_error(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["API_KEY"] = "another-key"

    error = error_of(lambda: ZenviaClient().check_key())

    assert isinstance(error, ZenviaAPIError)
    assert error.status == 401
    assert str(error).startswith("GET /checkCredentials was answered 401: Send the API key")
    assert sandbox.requests[0].status == 401


# Errors


@pytest.mark.parametrize("status", [400, 403, 409, 503])
def test_errors_have_message_and_code(wire: Wire, status: int) -> None:
    wire.script("GET", says(status, {"message": "not so", "code": "Odd"}))

    error = error_of(lambda: ZenviaClient().list_subscriptions())

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.message, error.code) == (status, "not so", "Odd")
    hint = get_contract("conversion").hint(status, is_empty=False)
    assert bool(hint) is (status in (403, 409))
    assert str(error) == f"GET /notifications/subscriptions was answered {status}: not so" + f" ({hint})" * bool(hint)
    assert ZenviaAPIError("x", status=403).hint == ""


def test_a_404_has_an_empty_body(wire: Wire) -> None:
    wire.script("POST", says(404))
    wire.script("GET", says(404))
    wire.script("DELETE", says(404))
    client = ZenviaClient()

    error = error_of(lambda: client.create_subscription(["lead.created"], URL))
    assert str(error).startswith("POST /notifications/subscriptions was answered 404 (without a body, ")
    assert not error.outcome_unknown
    assert "answered 404" in str(error_of(client.list_subscriptions))
    client.delete_subscription("subscription1")  # gone already


# A webhook


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("interactions", "interaction.created"),
        ("prospects", "lead.created"),
        ("quotes", "quote.updated"),
        ("agents", "agent.updated"),
    ],
)
def test_a_webhook_is_an_event_whatever_the_setting(
    client: Client, subscription: Subscription, account: dict[str, Any], name: str, topic: str
) -> None:
    account["CONTRACT"] = "help_center"

    answer = post(client, subscription, payload(OF_CONVERSION[name]))

    event = Event.objects.get()
    assert answer.content == b'{"status": "accepted", "event": %d}' % event.pk
    assert (event.contract, event.topic, event.status) == ("conversion", topic, Event.Status.PENDING)
    assert event.occurred_at is not None
    assert event.data["id"]


def test_a_resolved_status_is_a_setting(client: Client, subscription: Subscription, settings: Any) -> None:
    for statuses, topic in (
        (["Created"], "interaction.resolved"),
        ([], "interaction.created"),
        (5, "interaction.created"),
    ):
        settings.ZENVIA_WEBHOOKS = {"RESOLVED_STATUSES": statuses}
        post(client, subscription, payload("interaction-inbound-text"))
        assert Event.objects.get().topic == topic
        Event.objects.all().delete()
