"""What its deliveries make of an event."""

from __future__ import annotations

from typing import Any

import pytest
from django.dispatch import Signal

from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery
from zenvia_webhooks.signals import event_received, lead_created, quote_updated

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
