"""Generated notifications of every form, through the webhook: whatever is in them, they are stored and can be read."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.support.paths import PAYLOADS
from tests.support.webhooks import post
from zenvia_webhooks.contracts import ENVELOPES, recognise
from zenvia_webhooks.models import Event, EventKey, Subscription
from zenvia_webhooks.signals import receivers_of

OUTER = {"id": "1", "timestamp": "2026-03-10T13:07:31.690Z", "subscriptionId": "2"}
SAMPLES: list[dict[str, Any]] = [
    *(json.loads(file.read_bytes()) for file in sorted(PAYLOADS.glob("*.json"))),
    {**OUTER, "type": "CONTACT", "action": "CREATED", "contact": {"firstName": "Ana"}},
    {**OUTER, "type": "MESSAGE_STATUS", "messageStatus": {"code": "READ"}},
    {**OUTER, "type": "CONVERSATION_STATUS", "conversation": {"id": "c", "status": "CONVERSATION_QUEUED"}},
]


def names_in(value: Any) -> Iterator[str]:
    """Yield every key and text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from names_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item)


WORDS = sorted(
    {*names_in(SAMPLES), "archived", "resolved", "comment", "question", "transferedTo", "product", "nin", "INTERNAL"}
)
#: With some characters that databases mind.
TEXTS = st.sampled_from(WORDS) | st.text(alphabet="aZ9é._* \0\n\u2028\ud800\U0001f600", max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn, contract: str) -> bytes:
    """Return a sample of a contract, of which some parts are something else, are missing, or are new."""
    samples = [sample for sample in SAMPLES if getattr(recognise(sample), "NAME", None) == contract]
    envelope = copy.deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        inside: Any = envelope
        # Down to somewhere.
        while deeper := [
            inner
            for inner in (inside.values() if isinstance(inside, dict) else inside)
            if inner and isinstance(inner, dict | list)
        ]:
            if draw(st.booleans()):
                break
            inside = draw(st.sampled_from(deeper))
        key = (
            draw(st.sampled_from(sorted(inside)))
            if isinstance(inside, dict) and inside and draw(st.booleans())
            else draw(TEXTS)
        )
        if isinstance(inside, list):
            inside.append(draw(VALUES))
        elif draw(st.integers(0, 3)):
            inside[key] = draw(VALUES)
        else:
            inside.pop(key, None)
    return json.dumps(envelope, ensure_ascii=draw(st.just(True))).encode()


@pytest.mark.django_db
@pytest.mark.parametrize("contract", ENVELOPES)
def test_it_is_stored_and_can_be_read(client: Client, subscription: Subscription, contract: str) -> None:
    topics = set()

    @how(suppress_health_check=[HealthCheck.too_slow])
    @given(body=bodies(contract))
    def stored(body: bytes) -> None:
        answer: Any = post(client, subscription, body)
        assert (answer.status_code, answer.json()["status"]) in (
            *((200, status) for status in ("accepted", "duplicate", "quarantined")),
            (400, "quarantined"),
        )
        event = Event.objects.get(pk=answer.json()["event"])
        if answer.json()["status"] != "duplicate":
            assert event.body == body
        assert len(event.topic) <= 100
        hash((event.lead, event.quote, event.interaction, event.object_id))
        assert isinstance(event.data, dict)
        assert isinstance(event.is_superseded, bool)
        receivers_of(event, Event)
        EventKey.objects.write([event])
        topics.add(event.topic)

    stored()
    assert len(topics) > 3
