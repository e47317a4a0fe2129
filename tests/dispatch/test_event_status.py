"""What its deliveries make of an event."""

from __future__ import annotations

from typing import Any

import pytest
from django.dispatch import Signal
from django.test import Client

from tests.support import receivers
from tests.support.webhooks import arrived, payload, post
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import (
    event_received,
    interaction_resolved,
    lead_created,
    message_received,
    message_sent,
    quote_updated,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("topic", "connected", "expected"),
    [
        ("lead.created", [], "unhandled"),
        ("lead.created", [(event_received, receivers.note)], "unhandled"),
        ("lead.created", [(lead_created, receivers.note)], "dispatched"),
        ("lead.created", [(lead_created, receivers.note), (event_received, receivers.note)], "dispatched"),
        ("lead.created", [(quote_updated, receivers.note)], "unhandled"),
        ("lead.created", [(event_received, receivers.broken)], "retrying"),
        ("lead.created", [(lead_created, receivers.note), (event_received, receivers.broken)], "retrying"),
        ("quote.whatever", [(quote_updated, receivers.note)], "dispatched"),
        ("visit.booked", [], "unhandled"),
        ("visit.booked", [(lead_created, receivers.note)], "unhandled"),
        ("visit.booked", [(event_received, receivers.note)], "dispatched"),
    ],
)
def test_status(topic: str, connected: list[tuple[Signal, Any]], expected: str) -> None:
    for signal, function in connected:
        signal.connect(function)
    event = arrived(topic)
    dispatch_due()
    event.refresh_from_db()
    assert event.status == expected
    assert (event.next_attempt_at is None) is (expected != "retrying")


def test_logger_runs_though_nobody_handles_the_event() -> None:
    event_received.connect(receivers.note)
    event = arrived()
    dispatch_due()
    assert event.deliveries.get(receiver="tests.support.receivers.note").status == Delivery.Status.SUCCEEDED


INBOUND, OUTBOUND = "interaction-inbound-text", "interaction-outbound-text"
ARCHIVED, UPDATED = "assumed-prospect-archived", "assumed-agent-updated"


@pytest.mark.parametrize(
    ("name", "connected", "expected"),
    [
        # A lead waits for an answer: a mere logger does not hide that nobody takes the message.
        (INBOUND, [], "unhandled"),
        (INBOUND, [(event_received, {})], "unhandled"),
        (INBOUND, [(message_received, {})], "dispatched"),
        (INBOUND, [(event_received, {"topics": ["interaction.created"]})], "dispatched"),
        (INBOUND, [(event_received, {"topics": ["interaction.*"]})], "dispatched"),
        (INBOUND, [(event_received, {}), (event_received, {"topics": ["interaction.*"]})], "dispatched"),
        (INBOUND, [(event_received, {"topics": ["lead.*"]})], "unhandled"),
        (INBOUND, [(message_sent, {})], "unhandled"),
        # What the company itself did.
        (OUTBOUND, [], "unhandled"),
        (OUTBOUND, [(event_received, {})], "dispatched"),
        (OUTBOUND, [(message_sent, {})], "dispatched"),
        (ARCHIVED, [], "unhandled"),
        (ARCHIVED, [(event_received, {})], "dispatched"),
        (ARCHIVED, [(interaction_resolved, {})], "dispatched"),
        (UPDATED, [(event_received, {})], "dispatched"),
        ("lead_created", [(event_received, {"topics": ["lead.created"]})], "dispatched"),
        ("messaging-conversation-closed", [(event_received, {})], "unhandled"),
    ],
)
def test_status_of_what_zenvia_really_sends(
    client: Client, subscription: Subscription, name: str, connected: list[tuple[Signal, dict[str, Any]]], expected: str
) -> None:
    for signal, options in connected:
        signal.connect(receivers.note, **options)
    post(client, subscription, payload(name))
    dispatch_due()
    assert Event.objects.get().status == expected
