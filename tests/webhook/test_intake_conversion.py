"""Webhooks of `conversion` and `messaging`: real structure, the same with each part odd, and what comes again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support.factories import make_subscription
from tests.support.webhooks import LEFT_OUT, conversion_envelope, path_of, payload, post
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import receivers_of
from zenvia_webhooks.webhook import intake

#: One of each object and each kind.
NAMES = (
    *("interaction-inbound-text", "assumed-interaction-inbound-image", "assumed-interaction-note"),
    *("assumed-prospect-created", "assumed-prospect-archived", "assumed-quote-updated", "assumed-agent-updated"),
    *("messaging-message", "messaging-conversation-closed"),
)
CAPTURED = "interaction-inbound-text"
TEXTS = ("", "odd \0 \ud800", "9999-12-31T23:59:59-12:00")
#: One of each kind of JSON value, and some that databases are known to mind.
ODD: tuple[Any, ...] = (None, True, 5, -1.5, 10**30, *TEXTS, [], [[None]], {}, {"id": []})


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


@pytest.mark.parametrize("name", NAMES)
def test_each_part_may_be_missing_or_of_a_wrong_kind(name: str) -> None:
    whole, tried = conversion_envelope(name), 0
    # The same person is in several: once is enough.
    is_known = "interaction" in whole and name != CAPTURED
    for path in [path for path in paths(whole) if not (is_known and path[0] == "prospect")]:
        for odd in (LEFT_OUT, *ODD):
            what, body = f"{path} {odd!r}", json.dumps(changed(whole, path, odd)).encode()
            event = Event(account="default", **intake.read("default", body))
            tried += 1
            if event.status == Event.Status.QUARANTINED:
                # What tells whose it is was odd.
                assert path[0] in ("type", "topic", "timestamp", *whole["type"].lower().split("_")), what
                assert name.startswith("messaging"), what
                continue
            assert 0 < len(event.topic) <= 100, what
            for value, kind in ((event.lead, Lead), (event.quote, Quote), (event.interaction, Interaction)):
                assert value is None or isinstance(value, kind), what
            assert isinstance(event.data, dict), what
            assert event.object_id is None or isinstance(event.object_id, str), what
            hash((event.lead, event.quote, event.interaction))  # texts and tuples all through
            receivers_of(event, Event)
    assert tried >= 13 * 13  # parts of the shortest, kinds of oddness


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_is_whole_is_read_whatever_the_others_are(name: str) -> None:
    whole = conversion_envelope(name)
    event = Event(topic="interaction.created", contract="conversion", payload=whole)
    before = event.lead
    for path in paths(whole):
        if path[0] not in ("prospect", "interaction", "quote", "agent"):
            event.payload = changed(whole, path, LEFT_OUT)
            assert event.lead == before


@pytest.mark.parametrize("topic", ["t" * 92 + "s", "t" * 200])
def test_a_topic_that_no_column_holds_is_quarantined(client: Client, subscription: Subscription, topic: str) -> None:
    body = json.dumps({"topic": topic, "type": "created", "subscriptionId": "1"}).encode()
    answer: Any = post(client, subscription, body)
    event = Event.objects.get()
    is_short = len(topic) < 100
    assert answer.json()["status"] == ("accepted" if is_short else "quarantined")
    assert (event.body, len(event.topic)) == (body, 100 if is_short else 0)
    assert ("longer than 100" in event.error) is not is_short


def test_a_topic_that_the_settings_make_too_long_is_quarantined(
    client: Client, subscription: Subscription, account: dict[str, Any]
) -> None:
    account["WIRE_TOPICS"] = {"l" * 99 + ".created": "prospects"}
    answer: Any = post(client, subscription, payload("assumed-prospect-created"))
    assert (answer.status_code, answer.json()["status"]) == (200, "quarantined")


@pytest.mark.parametrize("key", ["attempts", "sent", "received", "subscriptionId"])
@pytest.mark.parametrize("to", [2, "2024-02-06T14:10:00.000Z", LEFT_OUT])
def test_what_differs_in_the_attempt_alone_is_a_duplicate(
    client: Client, subscription: Subscription, key: str, to: Any
) -> None:
    post(client, subscription, payload(CAPTURED))

    answer: Any = post(client, subscription, json.dumps(changed(conversion_envelope(), (key,), to)).encode())

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
    post(client, subscription, payload(CAPTURED))

    answer: Any = post(client, subscription, json.dumps(changed(conversion_envelope(), path, to)).encode())

    assert (answer.json()["status"], Event.objects.count()) == ("accepted", 2)


def test_the_operation_alone_is_no_identity(client: Client, subscription: Subscription) -> None:
    # In the capture it is the interaction's id, which every change of it shares.
    assert conversion_envelope()["operationId"] == conversion_envelope()["interaction"]["id"]
    for status in ("created", "read", "finished"):
        body = json.dumps(changed(conversion_envelope(), ("interaction", "status"), status)).encode()
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
