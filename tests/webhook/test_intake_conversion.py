"""Webhooks of the contract `conversion`: the captured structure, the same with each part odd, and what comes again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support.factories import make_subscription
from tests.support.webhooks import path_of, payload, post
from zenvia_webhooks.contracts.base import Interaction, Lead, Quote
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox

NAMES = ("interactions", "quotes", "prospects", "agents")
TEXTS = ("", "odd \0 \ud800", "9999-12-31T23:59:59-12:00")
#: One of each kind of JSON value, and some that databases are known to mind.
ODD: tuple[Any, ...] = (None, True, 5, -1.5, 10**30, *TEXTS, [], [[None]], {}, {"id": []})
LEFT_OUT = object()


def captured(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload(f"conversion_{name}"))
    return found


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every part of a JSON value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def changed(envelope: dict[str, Any], path: tuple[Any, ...], to: Any) -> dict[str, Any]:
    """Return a copy in which one part is something else, or is left out."""
    copied = copy.deepcopy(envelope)
    inside: Any = copied
    for key in path[:-1]:
        inside = inside[key]
    if to is LEFT_OUT:
        del inside[path[-1]]
    else:
        inside[path[-1]] = to
    return copied


def variations(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    whole = captured(name)
    for path in paths(whole):
        for odd in (LEFT_OUT, *ODD):
            yield f"{path} {odd!r}", changed(whole, path, odd)


@pytest.mark.parametrize("name", NAMES)
def test_each_part_may_be_missing_or_of_a_wrong_kind(client: Client, subscription: Subscription, name: str) -> None:
    tried = 0
    for what, envelope in variations(name):
        answer: Any = post(client, subscription, json.dumps(envelope).encode())
        tried += 1
        assert (answer.status_code, answer.json()["status"]) in ((200, "accepted"), (200, "duplicate")), what
        event = Event.objects.get(pk=answer.json()["event"])
        assert event.contract == "conversion", what
        assert event.topic.partition(".")[0], what
        for value, kind in ((event.lead, Lead), (event.quote, Quote), (event.interaction, Interaction)):
            assert value is None or isinstance(value, kind), what
        assert isinstance(event.data, dict), what
        hash((event.lead, event.quote, event.interaction))  # texts and tuples all through
    assert tried >= 13 * 13  # parts of the shortest, kinds of oddness


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_is_whole_is_read_whatever_the_others_are(name: str) -> None:
    event = Event(contract="conversion", topic="interaction.created", payload=captured(name))
    whole = event.lead
    assert event.payload is not None
    for path in paths(captured(name)):
        if path[0] not in ("prospect", "interaction", "quote", "agent"):
            event.payload = changed(captured(name), path, LEFT_OUT)
            assert event.lead == whole


@pytest.mark.parametrize("key", ["attempts", "sent", "received", "subscriptionId"])
@pytest.mark.parametrize("to", [2, "2024-02-06T14:10:00.000Z", LEFT_OUT])
def test_what_differs_in_the_attempt_alone_is_a_duplicate(
    client: Client, subscription: Subscription, key: str, to: Any
) -> None:
    post(client, subscription, payload("conversion_interactions"))

    answer: Any = post(client, subscription, json.dumps(changed(captured("interactions"), (key,), to)).encode())

    event = Event.objects.get()
    assert (answer.json(), event.duplicates) == ({"status": "duplicate", "event": event.pk}, 1)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("updatedAt",), "2024-02-06T14:10:00.000Z"),
        (("type",), "updated"),
        (("interaction", "status"), "finished"),
        (("prospect", "status"), "won"),
        (("operationId",), "65c239140000000000000009"),
    ],
)
def test_what_differs_in_the_matter_is_another_event(
    client: Client, subscription: Subscription, path: tuple[str, ...], to: str
) -> None:
    post(client, subscription, payload("conversion_interactions"))

    answer: Any = post(client, subscription, json.dumps(changed(captured("interactions"), path, to)).encode())

    assert (answer.json()["status"], Event.objects.count()) == ("accepted", 2)


def test_the_operation_alone_is_no_identity(client: Client, subscription: Subscription) -> None:
    # In the capture it is the interaction's id, which every change of it shares.
    assert captured("interactions")["operationId"] == captured("interactions")["interaction"]["id"]
    for status in ("created", "read", "finished"):
        body = json.dumps(changed(captured("interactions"), ("interaction", "status"), status)).encode()
        assert b"accepted" in post(client, subscription, body).content
    assert sorted(Event.objects.values_list("topic", flat=True)) == [
        "interaction.created",
        "interaction.created",
        "interaction.resolved",
    ]


@pytest.mark.django_db(transaction=True)
def test_doubles_at_the_same_moment_and_later_attempts_are_one_event(live_server: LiveServer) -> None:
    subscription = make_subscription()
    with Sandbox() as sandbox:
        at_zenvia = sandbox.add(["prospects"], live_server.url + path_of(subscription), "conversion")
        doubles = sandbox.send_at_once(at_zenvia.id, times=3, apart=0.02)
        later = sandbox.send_again(at_zenvia.id)

    assert sorted(answer.json()["status"] for answer in doubles) == ["accepted", "duplicate", "duplicate"]
    assert later.json()["status"] == "duplicate"
    assert Event.objects.get().duplicates == 3
