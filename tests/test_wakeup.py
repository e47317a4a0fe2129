"""Hints to the broker; see test_wakeup_eager.py for having none, test_wakeup_process.py for forks and exits."""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.db import transaction
from django.test import Client

from tests.celery import app as celery_app
from tests.support.webhooks import arrived, payload, post
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Subscription

#: Seconds that a request may lose, even on a busy machine.
AT_ONCE = 0.5


def await_that(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def app_with(broker: str, queue: str = "hints") -> Celery:
    app = Celery("host", broker=broker, set_as_current=False)
    app.conf.task_default_queue = queue
    return app


def hints(app: Celery) -> int:
    """Return how many messages wait in an app's queue."""
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        waiting: int = channel.queue_declare(app.conf.task_default_queue).message_count
    return waiting


def holds(app: Celery, number: int) -> bool:
    return hints(app) == number


@pytest.fixture(autouse=True)
def _own_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each test start a publisher of its own: the last one's may be pausing."""
    monkeypatch.setattr(wakeup, "_current", None)


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[Celery]:
    """An app with an empty queue on an embedded broker, loaded in this thread."""
    app = app_with("memory://", queue=request.node.name)
    app.set_current()
    yield app
    celery_app.set_current()


# What is published


def test_hint_names_the_task_and_expires_with_the_sweep(host: Celery) -> None:
    wakeup.hint()
    assert wakeup.flush(5)
    with host.connection_for_read() as connection:
        channel: Any = connection.default_channel
        message = channel.basic_get(host.conf.task_default_queue)
    assert message.headers["task"] == "zenvia_webhooks.dispatch_events"
    assert message.headers["expires"] is not None
    assert message.decode()[:2] == [[], {}]  # nothing of an event is in it


#: How many hints come before the intervals have grown.
QUICK = int(math.log2(wakeup.INTERVAL / wakeup.FIRST_INTERVAL)) + 1


def ask_for(seconds: float, pause: float = 0) -> tuple[int, float]:
    """Ask again and again; return how often, and how many seconds it took."""
    asked, started = 0, time.monotonic()
    while not asked or time.monotonic() - started < seconds:
        wakeup.hint()
        asked += 1
        time.sleep(pause)  # lets the publisher run
    took = time.monotonic() - started
    assert wakeup.flush(5)
    return asked, took


def test_burst_is_a_few_hints(host: Celery) -> None:
    asked, took = ask_for(5 * wakeup.INTERVAL)
    assert 1 <= hints(host) <= 2 + QUICK + took / wakeup.INTERVAL < asked


def test_webhooks_that_keep_coming_are_a_few_hints_too(host: Celery) -> None:
    ask_for(0)
    time.sleep(2 * wakeup.INTERVAL)  # the connection is there now, and the intervals are short again
    _asked, took = ask_for(10 * wakeup.INTERVAL, pause=2 * wakeup.FIRST_INTERVAL)
    assert hints(host) <= 2 * (QUICK + took / wakeup.INTERVAL)


def test_burst_after_a_pause_wakes_several_workers_at_once(host: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "INTERVAL", 0.5)
    ask_for(0.6)
    before = hints(host)
    time.sleep(2)
    ask_for(0.4)
    assert await_that(lambda: hints(host) >= before + 3)


def test_only_the_first_of_a_burst_gives_way_to_the_publisher(host: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    slept, sleep, here = [], time.sleep, threading.get_ident()

    def note(seconds: float) -> None:
        if threading.get_ident() == here:
            slept.append(seconds)
        else:  # a publisher of an earlier test
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", note)
    publisher = wakeup.Publisher()  # not started, so that nothing else sleeps
    for _ in range(3):
        publisher.ask(host)
    assert slept == [0]
    publisher._asked.clear()  # as it does when it takes what was asked
    publisher.ask(host)
    assert slept == [0, 0]


def test_last_of_a_burst_is_never_left_out(host: Celery) -> None:
    for sent in range(1, 6):
        wakeup.hint()
        # Asked for while the publisher rests from the one before.
        assert await_that(functools.partial(holds, host, sent))


def test_it_is_the_asking_threads_app(host: Celery) -> None:
    other = app_with("memory://", queue="of the other thread")

    def ask() -> None:
        other.set_current()
        wakeup.hint()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert wakeup.flush(5)
    wakeup.hint()
    assert await_that(lambda: (hints(other), hints(host)) == (1, 1))


@pytest.mark.django_db(transaction=True)
def test_hint_waits_for_the_commit(host: Celery) -> None:
    with transaction.atomic():
        wakeup.after_commit()
        assert wakeup._current is None
    assert await_that(lambda: hints(host) == 1)
    with transaction.atomic():
        wakeup.after_commit()
        transaction.set_rollback(True)
    assert wakeup.flush(5)
    assert hints(host) == 1


@pytest.mark.django_db(transaction=True)
def test_event_is_hinted_at_and_its_duplicates_only_until_it_is_handed_out(
    host: Celery, client: Client, subscription: Subscription
) -> None:
    def hints_after_another() -> int:
        post(client, subscription, payload("lead_created"))
        assert wakeup.flush(5)
        return hints(host)

    assert (hints_after_another(), hints_after_another()) == (1, 2)
    dispatch_due()
    assert hints_after_another() == 2


@pytest.mark.django_db
def test_run_hints_once_where_more_is_due(host: Celery, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"BATCH_SIZE": 2}
    for _ in range(3):
        arrived()
    dispatch_due()
    assert wakeup.flush(5)
    assert hints(host) == 1
    dispatch_due()
    assert wakeup.flush(5)
    assert hints(host) == 1


# A broker that is not there


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1", "amqp://guest:broker-secret@127.0.0.1:1", "nonsense://x"])
def test_broker_that_is_down_holds_nobody_up(host: Celery, broker: str, caplog: pytest.LogCaptureFixture) -> None:
    app_with(broker).set_current()
    started = time.monotonic()
    for _ in range(100):
        wakeup.hint()
    assert time.monotonic() - started < AT_ONCE
    assert await_that(lambda: "no hint could be sent" in caplog.text)
    assert "broker-secret" not in caplog.text
    assert wakeup.flush(5)  # it is not waited for any more
    assert time.monotonic() - started < 5


def test_broker_that_is_silent_holds_nobody_up(
    host: Celery, silent_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    app_with(silent_broker).set_current()
    started = time.monotonic()
    for _ in range(100):
        wakeup.hint()
    assert time.monotonic() - started < AT_ONCE
    assert not wakeup.flush()
    assert wakeup.FLUSH_SECONDS <= time.monotonic() - started < wakeup.FLUSH_SECONDS + AT_ONCE
    # Nor does the publisher itself hang for long.
    assert await_that(lambda: "no hint could be sent" in caplog.text, 10)
    assert time.monotonic() - started < 5


def test_settings_of_celery_that_can_not_be_read_stop_nobody(host: Celery, caplog: pytest.LogCaptureFixture) -> None:
    broken = Celery("broken", set_as_current=False)
    broken.config_from_object("no.such.module")
    broken.set_current()
    wakeup.hint()
    assert "no hint could be given" in caplog.text


def test_thread_that_can_not_be_started_stops_nobody(
    host: Celery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        wakeup.hint()
    assert "no hint could be given" in caplog.text
    wakeup.hint()
    assert await_that(lambda: hints(host) == 1)


@pytest.mark.django_db(transaction=True)
def test_webhook_is_answered_while_the_broker_is_silent(
    host: Celery, silent_broker: str, client: Client, subscription: Subscription
) -> None:
    app_with(silent_broker).set_current()
    post(client, subscription, b"{}")  # what the first request of a process costs is not our question
    started = time.monotonic()
    assert post(client, subscription, payload("lead_created")).status_code == 200
    assert time.monotonic() - started < AT_ONCE


def test_broker_that_comes_back_gets_hints_again(
    host: Celery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wakeup, "FIRST_PAUSE", 0.01)
    app_with("redis://127.0.0.1:1").set_current()
    wakeup.hint()
    assert await_that(lambda: "no hint could be sent" in caplog.text)
    host.set_current()
    wakeup.hint()
    assert await_that(lambda: hints(host) == 1)
    assert wakeup._current is not None
    assert await_that(lambda: not wakeup._publisher().is_failing)


def test_connection_that_was_closed_while_idle_is_replaced_at_once(host: Celery) -> None:
    wakeup.hint()
    assert wakeup.flush(5)
    publisher = wakeup._publisher()
    kept = publisher._connection
    assert kept is not None
    # As it is after RabbitMQ or Redis has closed a connection that said nothing for long.
    channel: Any = kept.default_channel
    channel.basic_publish = _broken_pipe
    wakeup.hint()
    assert wakeup.flush(5)
    assert (hints(host), publisher.is_failing) == (2, False)
    assert publisher._connection is not kept


def _broken_pipe(*arguments: Any, **options: Any) -> None:
    raise BrokenPipeError
