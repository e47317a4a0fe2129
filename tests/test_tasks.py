"""The tasks as a worker runs them, whatever the host has set for its own."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks import tasks, wakeup
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.dispatch.batching import FIRST_SIZE
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.tasks import dispatch_events

EVENTS = 2 * FIRST_SIZE + 5


@pytest.fixture
def _many_are_due(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody follows a hint.
    monkeypatch.setattr(wakeup, "hint", lambda: None)
    lead_created.connect(receivers.note)
    for _ in range(EVENTS):
        arrived()


@pytest.mark.usefixtures("_many_are_due")
def test_sweep_goes_on_without_hints_until_nothing_is_due() -> None:
    assert dispatch_events(sweep=True) == EVENTS
    assert len(receivers.calls) == EVENTS


@pytest.mark.usefixtures("_many_are_due")
def test_hint_takes_up_what_one_run_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "RUN_SECONDS", 0)
    assert dispatch_events() == FIRST_SIZE


@pytest.mark.usefixtures("_many_are_due")
def test_sweep_ends_when_the_next_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "SWEEP_INTERVAL", 0)
    monkeypatch.setattr(dispatcher, "RUN_SECONDS", 0)
    assert dispatch_events(sweep=True) == FIRST_SIZE


@pytest.mark.parametrize("task", [tasks.dispatch_events, tasks.purge_events, tasks.sync_subscriptions])
def test_defaults_of_the_host_are_for_its_own_tasks(task: Any) -> None:
    app = Celery("host", set_as_current=False)
    app.conf.update(task_default_rate_limit="1/m", task_acks_late=True, task_reject_on_worker_lost=True)
    ours = app.tasks[task.name]
    assert not ours.rate_limit
    assert not ours.acks_late
    assert not ours.reject_on_worker_lost
    assert ours.ignore_result
