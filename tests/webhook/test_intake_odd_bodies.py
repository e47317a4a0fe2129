"""No body is lost, and none is an error of ours."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from django.test import Client

from tests.support.webhooks import envelope, payload, post
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.safe_json import MAX_DEPTH

LEAD = payload("lead_created")
FUZZED_BODIES = 400


def lead(value: str, event_time: str = "2024-12-09T15:30:00Z") -> bytes:
    """Return a lead with a JSON text for a name."""
    return f'{{"topic": "lead.created", "eventTime": "{event_time}", "data": {{"name": {value}}}}}'.encode()


def name_of(event: Event) -> Any:
    assert event.payload is not None
    return event.payload["data"]["name"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (lead('"Jo\\u0000ão"'), "Jo\ufffdão"),
        (lead('"\\ud800"'), "\ufffd"),
        (lead('"\\ud83d\\ude00"'), "😀"),
        (lead("1e999"), "1e999"),
        (lead("[-1e999]"), ["-1e999"]),
        (lead("1e308"), "1e308"),
        (lead("9223372036854775808"), "9223372036854775808"),
        (lead("9" * 5000), "9" * 5000),
        (lead("-" + "9" * 4300), "-" + "9" * 4300),
        (lead("1E400"), "1E400"),
        (lead("0.1"), 0.1),
        (lead("[" * 28 + "]" * 28), json.loads("[" * 28 + "]" * 28)),
    ],
)
def test_odd_value_is_made_safe_and_the_bytes_are_kept(
    client: Client, subscription: Subscription, body: bytes, name: Any
) -> None:
    assert post(client, subscription, body).status_code == 200
    event = Event.objects.get()
    assert (event.status, event.body) == (Event.Status.PENDING, body)
    assert name_of(event) == name


def test_what_is_two_values_is_two_events(client: Client, subscription: Subscription) -> None:
    values = ["1e400", "null", '"1e400"', "-0", "0"]
    said = [json.loads(post(client, subscription, lead(value)).content)["status"] for value in [*values, " 1e400 "]]
    assert said == ["accepted"] * len(values) + ["duplicate"]
    assert Event.objects.count() == len(values)


def test_what_nobody_sees_in_a_topic_is_replaced_before_it_is_stored(
    client: Client, subscription: Subscription
) -> None:
    sent = envelope("lead\x1b[2J.created\r\n\u202efake\u200b")
    assert post(client, subscription, sent).status_code == 200
    event = Event.objects.get()
    assert event.topic == "lead\ufffd[2J.created\ufffd\ufffd\ufffdfake\ufffd"
    assert event.payload is not None
    assert event.payload["topic"] == "lead\x1b[2J.created\r\n\u202efake\u200b"
    assert str(event).isprintable()


@pytest.mark.parametrize("depth", [31, 32, 33, 100])
def test_depth_that_a_database_does_not_take_is_kept_as_text(
    client: Client, subscription: Subscription, depth: int
) -> None:
    # The name stands two objects deep.
    body = lead("[" * (depth - 2) + "]" * (depth - 2))
    assert post(client, subscription, body).status_code == 200
    event = Event.objects.get()
    assert event.body == body
    value, deep = name_of(event), 2
    while isinstance(value, list):
        [value], deep = value, deep + 1
    assert deep == MAX_DEPTH
    assert value == "[" * (depth - deep) + "]" * (depth - deep)


@pytest.mark.parametrize(
    "event_time",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0000-00-00T00:00:00Z", "yesterday", "2024-12-09T24:61"],
)
def test_time_that_can_not_be_kept_is_none(client: Client, subscription: Subscription, event_time: str) -> None:
    assert post(client, subscription, lead('"Ana"', event_time)).status_code == 200
    event = Event.objects.get()
    assert (event.topic, event.occurred_at, event.lead is not None) == ("lead.created", None, True)


@pytest.mark.parametrize(
    "body",
    [
        lead("NaN"),
        lead("-Infinity"),
        lead("[" * 100_000 + "]" * 100_000),
        lead("[" * 100_000),
        lead("[" + "1," * 10_000 + "1]"),
        LEAD.decode().encode("utf-16"),
        LEAD.decode().encode("utf-16-le"),
        LEAD.decode().encode("utf-32"),
        LEAD.decode().encode("latin-1"),
        b"\xef\xbb\xbf" + LEAD,
        b"[" + LEAD + b"]",
        b'"text"',
        b"5",
        b"null",
        b"true",
        b"",
        b"\0",
        LEAD[:-1],
        LEAD + LEAD,
    ],
)
def test_what_is_no_json_object_is_400_and_kept(client: Client, subscription: Subscription, body: bytes) -> None:
    for times in range(2):
        answer = post(client, subscription, body)
        event = Event.objects.get()
        assert answer.status_code == 400
        assert answer.content == b'{"status": "quarantined", "event": %d}' % event.pk
        assert (event.status, event.body, event.payload) == (Event.Status.QUARANTINED, body, None)
        assert event.error.startswith("No JSON object: ")
        assert event.duplicates == times


@pytest.mark.parametrize(
    "body", [b"{}", b'{"topic": "lead.created"}', b'{"topic": 5, "data": {}}', b'{"topic": "\\u0000", "data": []}']
)
def test_json_object_that_is_no_notification_is_200_and_kept(
    client: Client, subscription: Subscription, body: bytes
) -> None:
    assert post(client, subscription, body).status_code == 200
    event = Event.objects.get()
    assert (event.status, event.body, event.topic) == (Event.Status.QUARANTINED, body, "")
    assert event.payload is not None
    assert event.error == "A JSON object, but no notification that we know."


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Return a body with a few bytes or tokens taken out, put in, doubled or swapped."""
    tokens = [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"\\u0000",
        b"\\ud800",
        b"1e999",
        b"null",
        b"NaN",
        b"\xff",
        b"-",
    ]
    odd = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(odd) + 1)
        end = min(len(odd), start + chance.randint(0, 12))
        replacement = chance.choice(
            [b"", chance.choice(tokens), chance.randbytes(2), bytes(odd[start:end]) * 2, chance.choice(tokens) * 40]
        )
        odd[start:end] = replacement
    return bytes(odd)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_is_answered_and_kept(client: Client, subscription: Subscription, seed: int) -> None:
    chance = random.Random(seed)
    names = ["lead_created", "quote_updated", "interaction_resolved"]
    answers: dict[str, int] = {}
    for number in range(FUZZED_BODIES // 4):
        body = mutated(payload(chance.choice(names)), chance)
        answer: Any = post(client, subscription, body)
        said = answer.json()
        event = Event.objects.get(pk=said["event"])
        assert answer.status_code in (200, 400), (number, body)
        if said["status"] != "duplicate":
            assert event.body == body
        # Whatever is in it, a receiver can ask what it is about.
        _ = (event.data, event.lead, event.quote, event.interaction, str(event))
        answers[said["status"]] = answers.get(said["status"], 0) + 1
    assert {"accepted", "quarantined"} <= set(answers), answers
