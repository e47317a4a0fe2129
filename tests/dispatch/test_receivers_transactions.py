"""A receiver's writes and its success are one, whatever it does to its transaction and its connection."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, connection, transaction

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.one_receiver import names, outcome, run
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.exceptions import RetryLater
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import delivery_failed, lead_created, non_atomic

pytestmark = pytest.mark.django_db(transaction=True)


# Together or not at all


@pytest.mark.parametrize(
    ("receiver", "is_atomic", "kept"),
    [
        (receivers.flaky, True, []),
        (receivers.flaky, False, ["flaky"]),
        (receivers.flaky_outside, True, ["flaky"]),
    ],
)
def test_writes_of_a_failed_try_are_taken_back_unless_it_is_not_atomic(
    settings: Any, receiver: Any, is_atomic: bool, kept: list[str]
) -> None:
    settings.ZENVIA_WEBHOOKS = {"ATOMIC_RECEIVERS": is_atomic}
    receivers.failures_left = 1
    event = run(receiver)
    assert outcome(event) == ("retrying", "retrying")
    assert names() == kept
    let_time_pass()
    dispatch_due()
    assert outcome(event) == ("dispatched", "succeeded")
    assert names() == [*kept, "flaky"]


@non_atomic
def look_for_transaction(sender: Any, event: Event, **kwargs: Any) -> None:
    receivers.calls.append(("in a transaction", connection.in_atomic_block))


def test_non_atomic_receiver_runs_outside_a_transaction() -> None:
    run(look_for_transaction)
    assert receivers.calls == [("in a transaction", False)]


def set_rollback(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    transaction.set_rollback(True)


def swallow_integrity_error(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(pk=1, name="lost")
    with contextlib.suppress(IntegrityError):
        Customer.objects.create(pk=1, name="lost")


def close_connection(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    connection.close()


@pytest.mark.parametrize("receiver", [set_rollback, swallow_integrity_error, close_connection])
def test_receiver_that_breaks_the_transaction_has_failed(receiver: Any) -> None:
    event = run(receiver)
    assert outcome(event) == ("retrying", "retrying")
    assert names() == []
    assert event.deliveries.get().error


def commits_then_fails(sender: Any, event: Event, **kwargs: Any) -> Customer:
    transaction.on_commit(fail_on_commit)
    return Customer.objects.create(name="kept")


def fail_on_commit() -> None:
    raise RuntimeError("the mail server is down")


def test_what_fails_after_the_commit_does_not_undo_the_success(caplog: pytest.LogCaptureFixture) -> None:
    event = run(commits_then_fails)
    assert outcome(event) == ("dispatched", "succeeded")
    assert names() == ["kept"]
    [record] = [record for record in caplog.records if record.name == "zenvia_webhooks.dispatch.attempts"]
    assert record.levelno == logging.ERROR
    assert record.message.startswith(
        "on_commit of receiver=tests.dispatch.test_receivers_transactions.commits_then_fails failed"
    )
    assert "the mail server is down" in caplog.text


def fail_deferred(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="lost")
    # A foreign key to nowhere: SQLite and PostgreSQL notice at the commit.
    Delivery.objects.create(event_id=10**9, receiver="nobody")


def test_what_fails_at_the_commit_itself_is_a_failure() -> None:
    event = run(fail_deferred)
    assert outcome(event) == ("retrying", "retrying")
    assert names() == []


# What one leaves open


@non_atomic
def leaves_a_transaction_open(sender: Any, event: Event, **kwargs: Any) -> None:
    receivers.calls.append(("leaves_a_transaction_open", event.pk))
    transaction.set_autocommit(False)
    Customer.objects.create(name="never committed")


@non_atomic
def raises_in_an_open_transaction(sender: Any, event: Event, **kwargs: Any) -> None:
    transaction.atomic().__enter__()
    raise RuntimeError("out of the middle")


def leaves_an_inner_transaction_open(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="never committed")
    transaction.atomic().__enter__()


def raises_in_an_inner_transaction(sender: Any, event: Event, **kwargs: Any) -> None:
    """As the soft time limit may, between two steps of Django's."""
    transaction.atomic().__enter__()
    raise RuntimeError("out of the middle")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (leaves_a_transaction_open, "TransactionLeftOpenError"),
        (raises_in_an_open_transaction, "RuntimeError"),
        (leaves_an_inner_transaction_open, "TransactionLeftOpenError"),
        (raises_in_an_inner_transaction, "RuntimeError"),
    ],
)
def test_transaction_that_a_receiver_leaves_open_takes_nobody_with_it(bad: Any, error: str) -> None:
    lead_created.connect(bad)
    lead_created.connect(receivers.create_customer)
    events = [arrived(name=f"Ana {number}") for number in range(3)]
    dispatch_due()
    connection.close()  # as Celery does after a task
    assert names() == ["Ana 0", "Ana 1", "Ana 2"]
    for event in events:
        good, failed = event.deliveries.order_by("-status")
        assert (good.status, failed.status) == ("succeeded", "retrying")
        assert error in failed.error


def test_transaction_that_a_receiver_of_delivery_failed_leaves_open_takes_nobody_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def leaves_one_open(sender: Any, **kwargs: Any) -> None:
        transaction.atomic().__enter__()

    lead_created.connect(receivers.broken)
    lead_created.connect(receivers.create_customer)
    events = [arrived(name=f"Ana {number}") for number in range(2)]
    delivery_failed.connect(leaves_one_open)
    try:
        dispatch_due()
    finally:
        delivery_failed.disconnect(leaves_one_open)
    connection.close()  # as Celery does after a task
    assert names() == ["Ana 0", "Ana 1"]
    assert [sorted(event.deliveries.values_list("status", flat=True)) for event in events] == [
        ["retrying", "succeeded"]
    ] * 2
    assert "a receiver of delivery_failed left a transaction open" in caplog.text


# An interruption in the middle of a query


@non_atomic
def makes_of_the_interruption_what_it_likes(sender: Any, event: Event, **kwargs: Any) -> None:
    raise RetryLater(60)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the connection is closed."""
    closed, close = threading.Event(), connection.close

    def note_and_close() -> None:
        closed.set()
        close()

    monkeypatch.setattr(connection, "close", note_and_close)
    return closed


def test_connection_is_new_after_an_interruption_whatever_the_receiver_makes_of_it(
    closed: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunClock, "seconds_left", 0)
    assert outcome(run(makes_of_the_interruption_what_it_likes)) == ("retrying", "retrying")
    assert closed.is_set()


def is_interrupted() -> None:
    raise SoftTimeLimitExceeded


def goes_on_after_the_commit(sender: Any, event: Event, **kwargs: Any) -> None:
    transaction.on_commit(is_interrupted)


def test_connection_is_new_after_an_interruption_on_commit(closed: threading.Event) -> None:
    assert outcome(run(goes_on_after_the_commit)) == ("dispatched", "succeeded")
    assert closed.is_set()
