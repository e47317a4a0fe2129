"""Who gets an event, with what and when; see also test_dispatch_transactions.py and test_event_status.py."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import pytest
from django.utils.timezone import now

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.webhooks import arrived, due_since, let_time_pass
from zenvia_webhooks.dispatch import batching, dispatcher
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import EventSignal, event_received, interaction_resolved, lead_created, quote_updated

CREATE, NOTE, BROKEN = (
    "tests.support.receivers.create_customer",
    "tests.support.receivers.note",
    "tests.support.receivers.broken",
)

pytestmark = pytest.mark.django_db

seen: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def _forget_seen() -> None:
    seen.clear()


def look(sender: Any, event: Event, **kwargs: Any) -> None:
    seen.append({"sender": sender, "event": event, **kwargs})


def spoil(sender: Any, event: Event, **kwargs: Any) -> None:
    event.topic = "spoiled"
    assert event.payload is not None
    event.payload["data"].clear()


def take_long_once(sender: Any, event: Event, **kwargs: Any) -> None:
    if not receivers.calls:
        time.sleep(0.45)
    receivers.calls.append(("take_long_once", event.pk))


def deliveries(event: Event) -> dict[str, str]:
    return dict(event.deliveries.values_list("receiver", "status"))


def status(event: Event) -> str:
    return Event.objects.get(pk=event.pk).status


# Who, and with what


def test_receivers_run_in_order_and_the_event_is_dispatched() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.create_customer)
    event = arrived(name="João")
    assert dispatch_due() == 1
    assert receivers.calls == [("note", event.pk), ("create_customer", event.pk)]
    assert Customer.objects.get().name == "João"
    assert deliveries(event) == {NOTE: "succeeded", CREATE: "succeeded"}
    event.refresh_from_db()
    assert (event.status, event.claim, event.next_attempt_at) == (Event.Status.DISPATCHED, None, None)
    assert event.finished_at is not None
    assert dispatch_due() == 0


@pytest.mark.parametrize(
    ("topic", "signal"),
    [
        ("lead.created", lead_created),
        ("quote.updated", quote_updated),
        ("quote.rejected", quote_updated),
        ("interaction.resolved", interaction_resolved),
        ("visit.booked", event_received),
    ],
)
def test_each_topic_has_its_signal(topic: str, signal: EventSignal) -> None:
    signal.connect(look)
    for other in {lead_created, quote_updated, interaction_resolved} - {signal}:
        other.connect(receivers.note)
    event = arrived(topic)
    dispatch_due()
    [arguments] = seen
    assert arguments == {"sender": Event, "event": event, "signal": signal}
    assert receivers.calls == []


def test_receiver_of_two_signals_runs_once() -> None:
    event_received.connect(look)
    lead_created.connect(look)
    arrived()
    dispatch_due()
    assert [arguments["signal"] for arguments in seen] == [lead_created]


def test_what_one_receiver_does_to_the_event_the_next_does_not_see() -> None:
    lead_created.connect(spoil)
    lead_created.connect(look)
    event = arrived(name="Ana")
    dispatch_due()
    [arguments] = seen
    assert arguments["event"].topic == "lead.created"
    assert arguments["event"].lead.name == "Ana"
    assert status(event) == Event.Status.DISPATCHED


def test_returned_instance_is_remembered() -> None:
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.note)
    event = arrived(name="Ana")
    dispatch_due()
    assert event.deliveries.get(receiver=CREATE).result_object == Customer.objects.get()
    assert event.deliveries.get(receiver=NOTE).result == ""
    assert (event.deliveries.get(receiver=CREATE).duration_ms or 0) < 60_000


@pytest.mark.parametrize("function", [receivers.awaited, receivers.Awaited()])
def test_coroutine_is_awaited(function: Any) -> None:
    lead_created.connect(function, dispatch_uid="awaited")
    event = arrived()
    dispatch_due()
    assert event.deliveries.get().result_object == Customer.objects.get(name="awaited")


# What fails


def test_one_that_fails_does_not_keep_its_siblings_from_running_nor_have_them_run_again() -> None:
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.flaky)
    lead_created.connect(receivers.note)
    receivers.failures_left = 2
    event = arrived()
    states = []
    for _ in range(4):
        dispatch_due()
        states.append(status(event))
        let_time_pass()
    assert states == ["retrying", "retrying", "dispatched", "dispatched"]
    assert [name for name, _event in receivers.calls] == ["create_customer", "flaky", "note", "flaky", "flaky"]
    assert event.deliveries.get(receiver="tests.support.receivers.flaky").attempts == 3
    assert set(deliveries(event).values()) == {"succeeded"}
    # Those of the failed attempts are gone.
    assert Customer.objects.filter(name="flaky").count() == 1


def test_one_event_that_fails_does_not_keep_the_next_from_running() -> None:
    lead_created.connect(receivers.flaky)
    receivers.failures_left = 1
    first, second = arrived(), arrived()
    dispatch_due()
    assert (status(first), status(second)) == (Event.Status.RETRYING, Event.Status.DISPATCHED)


def test_receiver_connected_after_the_event_was_handed_out_does_not_get_it() -> None:
    lead_created.connect(receivers.broken)
    arrived()
    dispatch_due()
    lead_created.connect(receivers.note)
    let_time_pass()
    dispatch_due()
    assert [name for name, _event in receivers.calls] == ["broken", "broken"]


def test_one_that_is_not_connected_any_more_is_tried_to_the_end_then_gone(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [10, 10]}
    lead_created.connect(receivers.broken)
    event = arrived()
    dispatch_due()
    lead_created.disconnect(receivers.broken)
    states = []
    for _ in range(3):
        let_time_pass()
        dispatch_due()
        states.append((status(event), deliveries(event)[BROKEN]))
    assert states == [("retrying", "retrying"), ("failed", "gone"), ("failed", "gone")]
    row = event.deliveries.get()
    assert row.attempts == 3
    assert "broken is not connected in this worker" in row.error


# The order


@pytest.mark.parametrize(("waited", "order"), [(5, [0, 1, 2, 3, 4, 5, 6]), (60, [0, 6, 1, 5, 2, 4, 3])])
def test_events_come_in_their_order_and_newest_and_oldest_in_turn_behind_a_backlog(
    monkeypatch: pytest.MonkeyPatch, waited: int, order: list[int]
) -> None:
    lead_created.connect(receivers.note)
    chances = itertools.cycle([0, 1])
    monkeypatch.setattr(dispatcher, "RUN_SECONDS", 100)
    monkeypatch.setattr(dispatcher.pace, "_size", 1)
    monkeypatch.setattr(dispatcher.pace, "note", lambda *args, **kwargs: None)
    monkeypatch.setattr(batching, "getrandbits", lambda _number: next(chances))
    ids = due_since(waited, waited, waited, waited, 3, 2, 1)
    dispatch_due(seconds=100)
    assert [ids.index(pk) for _name, pk in receivers.calls] == order


# The deadline


def test_what_can_not_be_started_in_time_is_released(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 2}
    lead_created.connect(take_long_once)
    lead_created.connect(receivers.note)
    first, second = arrived(), arrived()
    due_at = dict(Event.objects.values_list("pk", "next_attempt_at"))
    dispatch_due()
    # Neither the first one's other receiver, nor the second.
    assert receivers.calls == [("take_long_once", first.pk)]
    assert dict(Event.objects.values_list("pk", "next_attempt_at")) == due_at
    assert set(Event.objects.values_list("status", flat=True)) == {Event.Status.PENDING}
    # What was begun is stalled, so that its deliveries are read.
    assert set(Event.objects.filter(claim=None)) == {second}
    assert [dispatch_due(), dispatch_due(), dispatch_due()] == [1, 1, 0]
    later = [("note", first.pk), ("take_long_once", second.pk), ("note", second.pk)]
    assert sorted(receivers.calls[1:]) == sorted(later)
    assert Delivery.objects.filter(attempts=1).count() == Delivery.objects.count() == 4


def test_one_whose_worker_died_in_the_last_try_is_not_run_again(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "RETRY_DELAYS": [1]}
    lead_created.connect(receivers.note)
    event = arrived()
    Event.objects.update(status=Event.Status.RETRYING)
    # What a worker commits before it starts the second attempt.
    row = event.deliveries.create(receiver=NOTE, attempts=2, next_attempt_at=now())
    dispatch_due()
    row.refresh_from_db()
    assert (row.status, row.attempts, receivers.calls) == ("failed", 2, [])
    assert "the worker died" in row.error


@pytest.mark.django_db(transaction=True)
def test_signal_to_end_is_the_workers_end_and_no_outcome() -> None:
    lead_created.connect(is_ended)
    event = arrived()
    with pytest.raises(SystemExit):
        dispatch_due()
    assert not event.deliveries.exists()
    assert Event.objects.get().claim is not None


def is_ended(sender: Any, event: Event, **kwargs: Any) -> None:
    sys.exit(-241)  # as a process of Celery's pool makes of SIGTERM


def test_sys_exit_is_the_receivers_failure_and_not_the_workers_end() -> None:
    lead_created.connect(receivers.leaves)
    lead_created.connect(receivers.note)
    event = arrived()
    dispatch_due()
    assert "sys.exit('enough')" in event.deliveries.get(receiver="tests.support.receivers.leaves").error
    assert event.deliveries.get(receiver=NOTE).status == "succeeded"


@pytest.mark.parametrize(
    ("name", "value"),
    [("ATOMIC_RECEIVERS", "yes"), ("RETRY_DELAYS", 10), ("LEASE_SECONDS", 0), ("BATCH_SIZE", "many")],
)
def test_setting_that_is_wrong_is_no_receivers_failure(settings: Any, name: str, value: object) -> None:
    lead_created.connect(receivers.note)
    event = arrived()
    settings.ZENVIA_WEBHOOKS = {name: value}
    with pytest.raises(ZenviaConfigurationError, match=name):
        dispatch_due()
    event.refresh_from_db()
    assert (event.status, event.claim, deliveries(event), receivers.calls) == ("pending", None, {}, [])

    settings.ZENVIA_WEBHOOKS = {}
    assert dispatch_due() == 1
    assert deliveries(event) == {NOTE: "succeeded"}
