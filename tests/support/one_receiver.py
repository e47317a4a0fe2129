"""One event, handed to one receiver, and what is to be seen of it afterwards."""

from __future__ import annotations

from typing import Any

from tests.shop.models import Customer
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created


def outcome(event: Event) -> tuple[str, str]:
    """Return the status of the event and of its only delivery."""
    return Event.objects.get(pk=event.pk).status, event.deliveries.get().status


def names() -> list[str]:
    return sorted(Customer.objects.values_list("name", flat=True))


def run(receiver: Any) -> Event:
    lead_created.connect(receiver)
    event = arrived()
    dispatch_due()
    return event
