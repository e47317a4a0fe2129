"""Broker, worker and beat: what counts as a sign of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.core.management import call_command
from django.db import connections
from django.utils.timezone import now

from tests.celery import app as celery_app
from tests.support import receivers
from tests.support.installation import LONG_AGO
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks import wakeup
from zenvia_webhooks.diagnosis import Area, Finding, diagnose, verdict, workers
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.models import Event, TaskRun
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.tasks import dispatch_events

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.2)


@contextmanager
def broker(app: Celery) -> Iterator[None]:
    """Have this thread know another app."""
    app.set_current()
    try:
        yield
    finally:
        celery_app.set_current()


def look(*areas: Area) -> list[Finding]:
    return list(diagnose(areas))


def ids(*areas: Area) -> list[str]:
    return [finding.id for finding in look(*areas)]


def signs(**started_at: Any) -> None:
    for task, moment in started_at.items():
        TaskRun.objects.create(task=task, started_at=moment, note="lead_created: shop.receivers.save")


def test_new_site_never_had_a_worker() -> None:
    [finding] = look(Area.WORKER)
    assert (finding.id, "there never was one" in finding.text) == ("no-worker", True)
    # The queue is the one that the routes name, the app the project's.
    assert "celery -A tests worker -Q celery" in finding.fix
    assert ids(Area.BEAT, Area.RECEIVERS) == ["beat-skipped", "receivers-skipped"]


def test_worker_that_died_is_missed_after_two_sweeps() -> None:
    signs(worker=now() - timedelta(seconds=2 * wakeup.SWEEP_INTERVAL + 1), beat=now())
    assert ids(Area.WORKER) == ["no-worker"]
    # Nobody was asked for a new heartbeat, which may come a little later.
    assert verdict([Area.WORKER]).problems == ()


def test_hint_wakes_a_worker_whose_heartbeat_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 30)
    monkeypatch.setattr(heartbeat, "_written_at", {})
    signs(worker=LONG_AGO, beat=LONG_AGO)
    app = Celery("host", broker="memory://", set_as_current=False)
    app.conf.task_default_queue = "of the old heartbeat"

    def work() -> None:
        with app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            channel.queue_declare(app.conf.task_default_queue)
            ends = time.monotonic() + 30
            while channel.basic_get(app.conf.task_default_queue) is None and time.monotonic() < ends:
                time.sleep(0.01)
        dispatch_events()
        connections.close_all()

    worker = threading.Thread(target=work)
    with broker(app):
        worker.start()
        found = ids(Area.WORKER)
    worker.join()
    assert found == ["worker-ok"]


def test_worker_that_is_busy_is_no_fault_and_neither_is_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    TaskRun.objects.create(task="worker", started_at=LONG_AGO)
    TaskRun.objects.create(task="beat", started_at=LONG_AGO)
    arrived()
    claim_due(1)
    # One that answers through the broker while its processes work; one of another queue is none.
    queues = {"crm@host": [{"name": "celery"}]}
    monkeypatch.setattr("celery.app.control.Inspect.active_queues", lambda _self: queues)
    assert ids(Area.WORKER, Area.BEAT) == ["worker-ok", "beat-ok"]
    queues["crm@host"] = [{"name": "mails"}]
    assert ids(Area.WORKER, Area.BEAT) == ["silent-worker", "beat-ok"]
    # Its lease is over: it died.
    let_time_pass()
    assert ids(Area.WORKER, Area.BEAT) == ["no-worker", "beat-skipped"]
    assert Event.objects.get().claim is not None


def test_beat_may_sweep_as_seldom_as_its_schedule_says() -> None:
    two_minutes_ago = now() - timedelta(minutes=2)
    signs(worker=now(), beat=two_minutes_ago)
    assert ids(Area.BEAT) == ["no-beat"]
    for every in (60, timedelta(seconds=60)):
        app = Celery("host", broker="memory://", set_as_current=False)
        app.conf.beat_schedule = {"sweep": {"task": wakeup.TASK, "schedule": every}}
        with broker(app):
            assert ids(Area.BEAT) == ["beat-ok"]


def test_command_from_cron_does_without_broker_worker_and_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_written_at", {})
    lead_created.connect(receivers.note)
    call_command("zenvia_dispatch_events")
    with broker(Celery("host", broker="amqp://127.0.0.1:1", set_as_current=False)):
        found = look(Area.BROKER, Area.WORKER, Area.BEAT, Area.RECEIVERS)
        assert [(finding.id, finding.severity) for finding in found] == [
            ("no-broker", "warning"),
            ("no-worker", "warning"),
            ("no-beat", "warning"),
            ("receivers-ok", "ok"),
        ]
        assert receivers.note.__name__ in found[-1].text
        # Cron runs it no longer.
        TaskRun.objects.update(started_at=now() - timedelta(seconds=workers.COMMAND_OLD + 1))
        assert [finding.severity for finding in look(Area.BROKER, Area.WORKER)] == ["broken", "skipped"]
    assert ids(Area.WORKER, Area.BEAT) == ["no-worker", "beat-skipped"]


def test_receivers_are_those_of_the_worker_while_there_is_one() -> None:
    signs(worker=now(), zenvia_dispatch_events=now())
    TaskRun.objects.filter(task="zenvia_dispatch_events").update(note="lead_created: shop.receivers.of_the_command")
    [finding] = look(Area.RECEIVERS)
    assert "shop.receivers.save" in finding.text


def test_broker_that_is_silent_is_named_within_seconds(silent_broker: str) -> None:
    started = time.monotonic()
    with broker(Celery("host", broker=silent_broker, set_as_current=False)):
        assert ids(Area.BROKER) == ["no-broker"]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("url", ["redis://:broker-secret@127.0.0.1:1", "amqp://guest:broker-secret@127.0.0.1:1"])
def test_password_of_the_broker_is_in_no_finding(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with broker(Celery("host", broker=url, set_as_current=False)):
        found = look(Area.BROKER, Area.WORKER)
    assert [finding.id for finding in found] == ["no-broker", "worker-skipped"]
    assert "broker-secret" not in str(found) + caplog.text


def test_process_without_celery_app_can_not_tell() -> None:
    with broker(Celery("default", set_as_current=False)):
        assert ids(Area.BROKER, Area.WORKER, Area.BEAT) == ["zenvia_webhooks.W007", "worker-skipped", "beat-skipped"]


def test_eager_app_is_warned_of_and_has_no_workers() -> None:
    app = Celery("host", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True
    with broker(app):
        assert ids(Area.BROKER, Area.WORKER) == ["always-eager", "broker-skipped", "worker-skipped"]


def test_many_receivers_are_counted_and_some_named() -> None:
    signs(worker=now())
    TaskRun.objects.update(note="\n".join(f"lead_created: shop.receivers.r{number}" for number in range(7)))
    [finding] = look(Area.RECEIVERS)
    assert finding.text.startswith("7 receivers are connected in the worker: shop.receivers.r0, shop.receivers.r1,")
    assert "r6" not in finding.text


def test_a_receiver_of_two_signals_is_one() -> None:
    signs(worker=now())
    TaskRun.objects.update(note="lead_created: shop.receivers.save\nevent_received: shop.receivers.save")
    [finding] = look(Area.RECEIVERS)
    assert finding.text == "1 receiver is connected in the worker: shop.receivers.save."
