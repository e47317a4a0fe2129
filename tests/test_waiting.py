"""Events that wait in a claim behind a slow one; see row 9 of the faults for real workers."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from tests.webhooks import arrived
from zenvia_webhooks import waiting
from zenvia_webhooks.claims import claim_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.waiting import Waiting

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_waits_too_long_is_given_back_while_the_first_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # On SQLite, too: no receiver's transaction is open here.
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    events = [arrived() for _ in range(3)]
    given_back = threading.Event()
    with Waiting(claim_due(10), given_back.set) as line:
        first = line.take()
        assert first is not None
        assert given_back.wait(20)
        assert Event.objects.exclude(claim=None).get().pk == first.pk == events[0].pk
        assert line.take() is None
    assert line.begun == 1
    # An idle process has them.
    assert [event.pk for event in claim_due(10).events] == [event.pk for event in events[1:]]


def test_nothing_is_given_back_while_events_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(waiting, "PATIENCE", 0.2)
    for _ in range(3):
        arrived()
    calls: list[None] = []
    with Waiting(claim_due(3), lambda: calls.append(None)) as line:
        while line.take():
            pass
    time.sleep(0.4)
    assert (line.begun, calls) == (3, [])
    assert Event.objects.exclude(claim=None).count() == 3


def break_off(line: Waiting) -> None:
    with line:
        line.take()
        raise RuntimeError("of the first")


def test_what_is_left_is_given_back_in_the_end_also_after_an_error() -> None:
    for _ in range(3):
        arrived()
    line = Waiting(claim_due(10), lambda: None)
    with pytest.raises(RuntimeError, match="of the first"):
        break_off(line)
    assert Event.objects.filter(claim=None).count() == 2
