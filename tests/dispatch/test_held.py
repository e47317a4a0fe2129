"""Events that wait in a claim behind a slow one; see row 9 of the faults for real workers."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from celery import Celery
from django.db import connection

from tests.support.webhooks import arrived
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import held
from zenvia_webhooks.dispatch.batching import FIRST_SIZE
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.held import Held
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import from_now
from zenvia_webhooks.signals import lead_created, non_atomic
from zenvia_webhooks.wakeup import SWEEP_INTERVAL

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_waits_too_long_is_released_while_the_first_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "PATIENCE", 0.05)
    events = [arrived() for _ in range(3)]
    released = threading.Event()
    claim = claim_due(10)
    with monkeypatch.context() as patched:
        # On SQLite, too: no receiver's transaction is open here.
        patched.setattr(connection.features, "has_select_for_update", True)
        with Held(claim, released.set) as line:
            first = line.take()
            assert first is not None
            assert released.wait(20)
            assert Event.objects.exclude(claim=None).get().pk == first.pk == events[0].pk
            assert line.take() is None
    assert line.begun == 1
    # An idle process has them.
    assert [event.pk for event in claim_due(10).events] == [event.pk for event in events[1:]]


def test_nothing_is_released_while_events_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        arrived()
    claim = claim_due(3)
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(held, "PATIENCE", 0.2)
    calls: list[None] = []
    with Held(claim, lambda: calls.append(None)) as line:
        while line.take():
            pass
    time.sleep(0.4)
    assert (line.begun, calls) == (3, [])
    assert Event.objects.exclude(claim=None).count() == 3


def break_off(line: Held) -> None:
    with line:
        line.take()
        raise RuntimeError("of the first")


def test_what_is_left_is_released_in_the_end_also_after_an_error() -> None:
    for _ in range(3):
        arrived()
    line = Held(claim_due(10), lambda: None)
    with pytest.raises(RuntimeError, match="of the first"):
        break_off(line)
    assert Event.objects.filter(claim=None).count() == 2


def test_what_broke_off_need_not_wait_for_the_end_of_its_lease() -> None:
    """As after a deadlock: it is stalled at once, under a claim that nobody holds, and due by the next sweep."""
    arrived()
    claim = claim_due(1)
    with pytest.raises(RuntimeError, match="of the first"):
        break_off(Held(claim, lambda: None))
    assert not Event.objects.filter(claim=None).exists()
    assert not Event.objects.filter(claim=claim.id).exists()
    assert Event.objects.filter(next_attempt_at__lte=from_now(SWEEP_INTERVAL)).exists()


def test_what_broke_off_is_never_due_later_than_by_its_lease(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": SWEEP_INTERVAL / 2}
    arrived()
    claim = claim_due(1)
    [before] = Event.objects.values("claim", "next_attempt_at")
    with pytest.raises(RuntimeError, match="of the first"):
        break_off(Held(claim, lambda: None))
    assert [before] == list(Event.objects.values("claim", "next_attempt_at"))


def test_nobody_is_waited_for_where_tasks_run_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the thread that releases would hand out, too, and each of its own kind after it."""
    for _ in range(3):
        arrived()
    claim = claim_due(3)
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(held, "PATIENCE", 0.01)
    app = Celery("host", set_as_current=False)
    app.conf.task_always_eager = True
    monkeypatch.setattr(held, "project_app", lambda: app)
    with Held(claim, lambda: None) as line:
        line.take()
        time.sleep(0.2)
        assert Event.objects.exclude(claim=None).count() == 3


def test_claim_is_worked_off_though_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cannot(_timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    for _ in range(3):
        arrived()
    claim = claim_due(3)
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(threading.Timer, "start", cannot)
    with Held(claim, lambda: None) as line:
        assert line.take() is not None
    assert Event.objects.filter(claim=None).count() == 2
    assert "no thread can be started" in caplog.text


has_another_hint = threading.Event()


@non_atomic
def waits_for_another_hint(sender: Any, event: Event, **kwargs: Any) -> None:
    has_another_hint.wait(20 if connection.features.has_select_for_update else 0)


def test_what_is_released_has_a_hint_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that a full claim sent beforehand was taken when nothing was due."""
    monkeypatch.setattr(held, "PATIENCE", 0.05)
    hints: list[int] = []

    def hint() -> None:
        hints.append(Event.objects.filter(claim=None).count())
        if len(hints) == 2:
            has_another_hint.set()

    lead_created.connect(waits_for_another_hint)
    for _ in range(FIRST_SIZE):
        arrived()
    has_another_hint.clear()
    monkeypatch.setattr(wakeup, "hint", hint)
    dispatch_due()
    # On SQLite nothing is released meanwhile.
    assert hints[:2] == ([0, FIRST_SIZE - 1] if connection.features.has_select_for_update else [0])
