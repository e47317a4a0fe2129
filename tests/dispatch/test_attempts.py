"""What a receiver may ask for, and what becomes of one that is too slow; see test_time_limits.py for real workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass, seconds_away
from zenvia_webhooks.dispatch import lease
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.exceptions import GiveUp, RetryLater
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import delivery_failed, lead_created, non_atomic

pytestmark = pytest.mark.django_db

NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"
LATE = "tests.dispatch.test_attempts."


def run(*functions: Any) -> Event:
    for function in functions:
        lead_created.connect(function)
    event = arrived()
    dispatch_due()
    return event


def row_of(event: Event, name: str) -> Delivery:
    return event.deliveries.get(receiver=LATE + name)


# What a receiver asks for


def later(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    raise RetryLater(5000)


def give_up(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    raise GiveUp("this lead is of no use")


def asks_for_nonsense(sender: Any, event: Event, **kwargs: Any) -> None:
    raise RetryLater(-1)


def test_retry_later_is_a_try_of_which_only_the_wait_is_the_receivers(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [100, 100]}
    event = run(later, receivers.broken)
    row, sibling = row_of(event, "later"), event.deliveries.get(receiver=BROKEN)
    assert seconds_away(row.next_attempt_at) == pytest.approx(5000, abs=30)
    assert seconds_away(sibling.next_attempt_at) == pytest.approx(100, rel=0.1, abs=30)
    for _ in range(3):
        let_time_pass()
        dispatch_due()
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("failed", 3)
    assert row.error == "zenvia_webhooks.exceptions.RetryLater: the receiver asked for another attempt in 5000 s"
    assert not Customer.objects.exists()


def test_give_up_is_the_end_at_once() -> None:
    event = run(give_up, receivers.note)
    row = row_of(event, "give_up")
    assert (row.status, row.attempts, row.next_attempt_at) == ("failed", 1, None)
    assert row.error == "zenvia_webhooks.exceptions.GiveUp: this lead is of no use"
    assert event.deliveries.get(receiver=NOTE).status == "succeeded"
    assert Event.objects.get().status == Event.Status.FAILED
    assert not Customer.objects.exists()


def test_what_a_receiver_asks_for_is_logged_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    run(give_up, later)
    records = [record for record in caplog.records if record.name == "zenvia_webhooks.dispatch.attempts"]
    assert [(record.levelno, record.exc_info) for record in records] == [(logging.WARNING, None)] * 2
    assert "attempt=1 zenvia_webhooks.exceptions.GiveUp: this lead is of no use" in caplog.text


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "5", None, 10**9])
def test_retry_later_takes_seconds_alone(seconds: Any) -> None:
    with pytest.raises(ValueError, match="takes seconds"):
        RetryLater(seconds)


def test_nonsense_that_is_asked_for_is_a_failure() -> None:
    row = row_of(run(asks_for_nonsense), "asks_for_nonsense")
    assert (row.status, row.attempts) == ("retrying", 1)
    assert "RetryLater takes seconds" in row.error


# Too slow


@pytest.fixture
def _short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a receiver be late after 0.3 s, without a shorter lease."""
    monkeypatch.setattr(lease, "STARTING_PART", 0.001)
    monkeypatch.setattr(lease, "SOFT_PART", lease.MARGIN + 0.001)


def until_late() -> float:
    return time.monotonic() + 0.35


def swallows(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    ends = until_late()
    while time.monotonic() < ends:
        with contextlib.suppress(Exception):
            time.sleep(0.05)


async def hangs(sender: Any, event: Event, **kwargs: Any) -> None:
    await Customer.objects.acreate(name="lost")
    await asyncio.sleep(60)


@non_atomic
async def swallows_all(sender: Any, event: Event, **kwargs: Any) -> None:
    ends = until_late()
    while time.monotonic() < ends:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await asyncio.sleep(1)


@pytest.mark.usefixtures("_short_limit")
@pytest.mark.parametrize("function", [swallows, hangs, swallows_all])
def test_receiver_that_is_too_slow_has_failed(function: Any) -> None:
    started = time.monotonic()
    event = run(function, receivers.note)
    assert time.monotonic() - started < 30
    row = row_of(event, function.__name__)
    assert (row.status, row.attempts) == ("retrying", 1)
    assert row.error.startswith("zenvia_webhooks.dispatch.attempts.TooSlowError: it was still running")
    assert not Customer.objects.exists()
    assert receivers.calls == []
    dispatch_due()
    assert event.deliveries.get(receiver=NOTE).status == "succeeded"


async def times_out_itself(sender: Any, event: Event, **kwargs: Any) -> None:
    raise TimeoutError("the price list did not answer")


def test_time_out_of_the_receivers_own_is_its_own() -> None:
    row = row_of(run(times_out_itself), "times_out_itself")
    assert row.error == "TimeoutError: the price list did not answer"


CANCELLED = "zenvia_webhooks.signals.interruptions.ReceiverCancelledError: something that it awaited was cancelled"


async def cancelled(sender: Any, event: Event, **kwargs: Any) -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    task.cancel()
    await task


def test_receiver_that_was_cancelled_has_failed_and_ends_no_worker() -> None:
    event = run(cancelled, receivers.note)
    row = row_of(event, "cancelled")
    assert (row.status, row.attempts, row.error) == ("retrying", 1, CANCELLED)
    assert event.deliveries.get(receiver=NOTE).status == "succeeded"


def interrupted(sender: Any, event: Event, **kwargs: Any) -> None:
    raise SoftTimeLimitExceeded


@pytest.mark.parametrize("is_atomic", [True, False])
@pytest.mark.django_db(transaction=True)
def test_interruption_is_told_in_our_words_and_the_connection_is_not_trusted(settings: Any, is_atomic: bool) -> None:
    settings.ZENVIA_WEBHOOKS = {"ATOMIC_RECEIVERS": is_atomic}
    lead_created.connect(interrupted)
    event = arrived()
    before = connection.connection
    dispatch_due()
    row = row_of(event, "interrupted")
    assert row.error == (
        "zenvia_webhooks.dispatch.attempts.TooSlowError: "
        "it was still running 210 s after its run began, 70% of LEASE_SECONDS"
    )
    assert connection.connection is not before


@pytest.mark.usefixtures("_short_limit")
def test_receiver_without_time_left_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_created.connect(receivers.note)
    arrived()
    monkeypatch.setattr(lease, "STARTING_PART", 0)
    assert dispatch_due() == 0
    assert receivers.calls == []


# Who is told

names_seen: list[str | None] = []


def see_the_name(sender: Any, event: Event, **kwargs: Any) -> None:
    assert event.lead is not None
    names_seen.append(event.lead.name)


def spoil(sender: Any, event: Event, **kwargs: Any) -> None:
    event.payload = {}


def test_who_is_told_of_a_failure_changes_the_event_for_nobody_else() -> None:
    names_seen.clear()
    lead_created.connect(receivers.broken)
    lead_created.connect(see_the_name)
    delivery_failed.connect(spoil)
    try:
        arrived(name="Ana")
        dispatch_due()
    finally:
        delivery_failed.disconnect(spoil)
    assert names_seen == ["Ana"]
