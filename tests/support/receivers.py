"""Receivers as a host would write them, for the tests to connect."""

from __future__ import annotations

import sys
from typing import Any

from tests.shop.models import Customer
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import non_atomic

#: What was called, in order: (receiver, event id).
calls: list[tuple[str, int]] = []
#: How often `flaky` still fails.
failures_left = 0


def create_customer(sender: Any, event: Event, **kwargs: Any) -> Customer:
    calls.append(("create_customer", event.pk))
    assert event.lead is not None
    return Customer.objects.create(name=event.lead.name or "")


def note(sender: Any, event: Event, **kwargs: Any) -> None:
    calls.append(("note", event.pk))


def flaky(sender: Any, event: Event, **kwargs: Any) -> Customer:
    """Write a row, then fail as long as `failures_left` says."""
    global failures_left
    calls.append(("flaky", event.pk))
    customer = Customer.objects.create(name="flaky")
    if failures_left > 0:
        failures_left -= 1
        raise RuntimeError("the price list is not there yet")
    return customer


@non_atomic
def flaky_outside(sender: Any, event: Event, **kwargs: Any) -> Customer:
    """As `flaky`, outside a transaction."""
    return flaky(sender, event, **kwargs)


def broken(sender: Any, event: Event, **kwargs: Any) -> None:
    calls.append(("broken", event.pk))
    raise RuntimeError("it never works")


def leaves(sender: Any, event: Event, **kwargs: Any) -> None:
    sys.exit("enough")


class Awaited:
    """Asynchronous, and does not look it."""

    async def __call__(self, sender: Any, event: Event, **kwargs: Any) -> Customer:
        return await awaited(sender, event)


async def awaited(sender: Any, event: Event, **kwargs: Any) -> Customer:
    calls.append(("awaited", event.pk))
    return await Customer.objects.acreate(name="awaited")
