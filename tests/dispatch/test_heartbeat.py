"""The heartbeat of workers and beat."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.celery import app as celery_app
from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.models import Event, TaskRun
from zenvia_webhooks.schedule import BEAT_SCHEDULE
from zenvia_webhooks.signals import event_received, lead_created
from zenvia_webhooks.tasks import dispatch_events

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _new_process(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_written_at", {})


def tasks() -> set[str]:
    return set(TaskRun.objects.values_list("task", flat=True))


def test_hint_shows_the_worker_and_sweep_shows_beat() -> None:
    dispatch_events()
    assert tasks() == {"worker"}
    sweep = BEAT_SCHEDULE["zenvia_webhooks.dispatch_events"]
    assert sweep["task"] == wakeup.TASK
    # What django-celery-beat keeps of an entry.
    celery_app.tasks[sweep["task"]](*sweep.get("args", ()), **sweep["kwargs"])
    assert tasks() == {"worker", "beat"}
    for task in (heartbeat.WORKER, heartbeat.BEAT):
        last = heartbeat.last(task)
        assert last is not None
        assert 0 <= last.age < 30
    assert heartbeat.last("another") is None


def test_eager_run_is_no_workers() -> None:
    celery_app.tasks[wakeup.TASK].apply(kwargs={"sweep": True})
    assert tasks() == set()


def test_rows_are_written_in_place_and_not_with_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_events(sweep=True)
    TaskRun.objects.update(started_at=LONG_AGO)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            heartbeat.write(heartbeat.WORKER, heartbeat.BEAT)
    assert len(queries) == 0
    # Another process, or the same one later.
    monkeypatch.setattr(heartbeat, "_written_at", {})
    dispatch_events(sweep=True)
    assert tasks() == {"worker", "beat"}
    assert not TaskRun.objects.filter(started_at=LONG_AGO).exists()


def test_interruption_in_the_heartbeat_ends_the_run() -> None:
    lead_created.connect(receivers.note)
    arrived()

    def interrupt(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TaskRun._meta.db_table in sql:
            raise SoftTimeLimitExceeded
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt), pytest.raises(SoftTimeLimitExceeded):
        dispatch_events()
    assert receivers.calls == []


def test_heartbeat_that_can_not_be_written_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    lead_created.connect(receivers.create_customer)
    arrived()

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TaskRun._meta.db_table in sql:
            execute("SELECT no_such_column", (), many, context)  # so that PostgreSQL gives the transaction up
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert dispatch_events(sweep=True) == 1
    assert Event.objects.get().status == Event.Status.DISPATCHED
    assert "the heartbeat of worker could not be written" in caplog.text


def test_worker_says_which_receivers_are_connected_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch_events()
    assert TaskRun.objects.get().note == ""
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.note)
    event_received.connect(receivers.note)
    monkeypatch.setattr(heartbeat, "_written_at", {})
    dispatch_events(sweep=True)
    lines = [
        "lead_created: tests.support.receivers.create_customer",
        "lead_created: tests.support.receivers.note",
        "event_received: tests.support.receivers.note",
    ]
    last = heartbeat.last(heartbeat.WORKER)
    assert last is not None
    assert last.note.splitlines() == lines
    monkeypatch.setattr(heartbeat, "MAX_NAMED", 1)
    assert heartbeat.connected().splitlines() == [lines[0], "… 2 more"]


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_worker_that_was_stopped_in_its_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dispatch_events(sweep=True)
    monkeypatch.setattr(heartbeat, "_written_at", {})
    other = threading.Thread(target=give_and_close)
    # SQLite has no locks on rows: there everybody waits for whoever writes.
    half_way = transaction.atomic() if connection.features.has_select_for_update else contextlib.nullcontext()
    with half_way:
        TaskRun.objects.update(note="half way")
        other.start()
        other.join(10)
        was_held_up = other.is_alive()
    other.join(60)
    assert not was_held_up


def give_and_close() -> None:
    heartbeat.write(heartbeat.WORKER, heartbeat.BEAT)
    connection.close()
