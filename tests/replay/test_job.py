"""The job that replays many events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tests.support import receivers
from tests.support.factories import make_event
from zenvia_webhooks import tasks, wakeup
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.dispatch.batching import Pace
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.replay.selection import Selection
from zenvia_webhooks.signals import lead_created

NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the arguments of the messages that were sent; no broker takes them."""
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": []}
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(wakeup, "send", lambda _task, **arguments: messages.append(arguments))
    return messages


@pytest.fixture
def events() -> list[Event]:
    """Events of which `note` has succeeded and `broken` failed."""
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    made = [make_event() for _ in range(3)]
    dispatch_due()
    receivers.calls.clear()
    return made


def order(**columns: Any) -> job.Order:
    return job.Order(**{"selection": Selection(statuses=("failed",)), **columns})


def state() -> job.State:
    row = job.find()
    assert row is not None
    return job.State(**row.state)


def run() -> list[tuple[str, int]]:
    """Run the job and the receivers; return what was called."""
    while job.advance(state().turn):
        pass
    dispatch_due()
    return sorted(receivers.calls)


def test_those_that_have_not_succeeded_run_once(events: list[Event]) -> None:
    assert job.start(order(), after=0)
    assert run() == [("broken", event.pk) for event in events]
    row = job.find()
    assert row is not None
    assert (row.done, row.total, state().counts) == (3, 3, {"replayed": 3})
    assert row.finished_at is not None


def test_one_receiver_where_it_has_not_succeeded_or_everywhere(events: list[Event]) -> None:
    job.start(order(receiver=NOTE), after=0)
    assert run() == []
    assert state().counts == {"left": 3}
    job.start(order(receiver=NOTE, again=True), after=1)
    assert run() == [("note", event.pk) for event in events]


def test_what_arrives_meanwhile_does_not_wait_for_it(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "pace", Pace())  # of a worker that has just started
    job.start(order(receiver=NOTE, again=True), after=0)
    job.advance(1)
    newest = make_event()
    dispatch_due(limit=2)
    assert ("note", newest.pk) in receivers.calls


def test_a_second_press_begins_nothing(events: list[Event], django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert job.start(order(receiver=NOTE, again=True), after=0)
        assert not job.start(order(receiver=NOTE, again=True), after=0)
        assert not job.start(order(receiver=NOTE, again=True), after=1)  # a new page, while it is under way
    assert run() == [("note", event.pk) for event in events]
    assert not job.start(order(receiver=NOTE, again=True), after=0)


def test_what_comes_later_is_not_of_the_job(events: list[Event]) -> None:
    job.start(order(selection=Selection()), after=0)
    make_event()
    run()
    assert job.last_number() == 1
    assert state().counts == {"replayed": 3}


def test_it_goes_on_where_it_broke_off_and_the_former_message_does_nothing(
    events: list[Event], monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(job, "BATCH", 1)
    job.start(order(receiver=NOTE, again=True), after=0)
    assert job.advance(1)
    job.take_up_silent()
    assert sent == []  # it has just given a sign of life
    TaskRun.objects.update(state={**asdict(state()), "seen_at": "2026-01-01T00:00:00+00:00"})
    job.take_up_silent()
    assert sent == [{"turn": 2}]
    assert not job.advance(1)
    assert run() == [("note", event.pk) for event in events]
    assert state().counts == {"replayed": 3}


def test_a_message_that_was_delivered_twice_replays_nothing_twice(events: list[Event]) -> None:
    job.start(order(receiver=NOTE, again=True), after=0)
    # As two workers do that have read the same few events.
    assert [job._replay_next(events[0], state().wanted(), 1) for _ in range(2)] == [True, False]
    assert state().counts == {"replayed": 1}


def test_it_can_be_stopped(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "BATCH", 1)
    job.start(order(), after=0)
    assert job.advance(1)
    job.stop()
    assert not job.advance(1)
    dispatch_due()
    assert receivers.calls == [("broken", events[0].pk)]


def test_the_task_runs_it_and_the_sweep_takes_it_up(
    events: list[Event], monkeypatch: pytest.MonkeyPatch, sent: list[dict[str, Any]]
) -> None:
    job.start(order(), after=0)
    TaskRun.objects.update(state={**asdict(state()), "seen_at": "2026-01-01T00:00:00+00:00"})
    tasks.dispatch_events(sweep=True)
    assert sent == [{"turn": 2}]
    tasks.replay_events(**sent[0])
    row = job.find()
    assert row is not None
    assert row.finished_at is not None
    assert Delivery.objects.filter(receiver=BROKEN, status="retrying").count() == 3


def test_what_was_not_understood_is_read_again() -> None:
    lead_created.connect(receivers.note)
    hopeless, event = (make_event(status=Event.Status.QUARANTINED, next_attempt_at=None) for _ in range(2))
    Event.objects.filter(pk=hopeless.pk).update(body=b"nothing")
    job.start(order(selection=Selection(statuses=("quarantined",))), after=0)
    assert run() == [("note", event.pk)]
    assert state().counts == {"left": 1, "read": 1}
