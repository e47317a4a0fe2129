"""Receivers that fail: what is said, how soon, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.diagnosis import Area, Finding, Link, Severity, diagnose, standing, verdict
from zenvia_webhooks.diagnosis.history import moment
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.models import Delivery, Event, TaskRun
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.tasks import dispatch_events

pytestmark = pytest.mark.django_db

SAVE = "shop.receivers.save"
ERROR = "shop.errors.PriceListError: no price for 'Ana Silva' <ana@example.com>, +55 11 99999-9999\nsecond line"


def look() -> list[Finding]:
    return [finding for finding in diagnose([Area.DELIVERIES]) if finding.severity != Severity.OK]


def said() -> list[tuple[str, str]]:
    return [(finding.severity, finding.id) for finding in look()]


def delivered(number: int, receiver: str = SAVE, **columns: Any) -> list[Event]:
    """Store so many events, and a delivery of each."""
    events = [arrived() for _ in range(number)]
    columns = {"status": "succeeded", "attempts": 1, "finished_at": now(), **columns}
    Delivery.objects.bulk_create([Delivery(event=event, receiver=receiver, **columns) for event in events])
    return events


def failed(number: int, receiver: str = SAVE, **columns: Any) -> list[Event]:
    due = {"status": "retrying", "attempts": 2, "next_attempt_at": now(), "finished_at": None}
    return delivered(number, receiver, **{"error": ERROR, **due, **columns})


def test_outage_is_seen_before_the_second_attempt_and_until_an_event_comes_through() -> None:
    lead_created.connect(receivers.flaky)
    delivered(20, receiver=f"{receivers.__name__}.flaky")
    Event.objects.update(status=Event.Status.DISPATCHED, next_attempt_at=None)
    receivers.failures_left = 7
    events = [arrived() for _ in range(4)]
    dispatch_events()
    [finding] = look()
    assert (finding.id, finding.severity) == ("failing-receiver", Severity.BROKEN)
    assert "flaky fails for every event that comes: 4 deliveries with RuntimeError, 16 % of" in finding.text
    assert f"#{events[0].pk} first, which came on {moment(events[0].received_at)}: it broke at te" in finding.fix
    assert finding.fix.endswith(f"manage.py zenvia_replay_events --receiver {receivers.__name__}.flaky")
    assert finding.detail == "RuntimeError: the price list is not there yet"
    assert finding.link == Link(model="event", receiver=f"{receivers.__name__}.flaky")
    let_time_pass()
    dispatch_events()
    # One has come through meanwhile.
    [finding] = look()
    assert (finding.severity, "failed twice or more for 3 deliveries" in finding.text) == (Severity.WARNING, True)
    let_time_pass()
    dispatch_events()
    assert look() == []


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # A first failure is a retry's business; an odd lead among others is one to look at.
        (lambda: (delivered(3), failed(2, attempts=1)), []),
        (lambda: (delivered(3), failed(1)), [("warning", "failing-receiver")]),
        (lambda: (failed(1), delivered(3)), [("warning", "failing-receiver")]),
        # Nothing but the one came: nothing comes through.
        (lambda: failed(1), [("broken", "failing-receiver")]),
        (lambda: (delivered(3), failed(2)), [("broken", "failing-receiver")]),
        (lambda: (delivered(3), failed(3, attempts=1)), [("broken", "failing-receiver")]),
        # Given up at once, as `GiveUp` does.
        (
            lambda: failed(1, attempts=1, status="failed", next_attempt_at=None, finished_at=now()),
            [("broken", "failing-receiver")],
        ),
        (lambda: failed(1, status="failed", next_attempt_at=None, finished_at=now() - timedelta(days=2)), []),
        # Begun again by a person, or running at this moment.
        (lambda: failed(3, attempts=0, error=""), []),
        (lambda: failed(3, error=""), []),
        # Another receiver's success is none of its own; each error is a finding.
        (
            lambda: (failed(2), delivered(2, "shop.receivers.note"), failed(2, error="KeyError: 'name'")),
            [("broken", "failing-receiver"), ("broken", "failing-receiver")],
        ),
    ],
)
def test_what_counts_as_failing(rows: Callable[[], Any], expected: list[tuple[str, str]]) -> None:
    rows()
    assert said() == expected


def test_deliveries_fail_with_one_error_whoever_the_lead_is() -> None:
    delivered(1)
    failed(3)
    failed(2, error="shop.errors.PriceListError: no price for 'João' <joao@example.com>, +54 9 11 5555-5555")
    [finding] = look()
    assert "5 deliveries with PriceListError, 83 %" in finding.text
    assert finding.detail == "shop.errors.PriceListError: no price for '…' … …"


def test_an_outage_is_one_finding_where_each_error_names_somebody_without_quotes() -> None:
    for name in ("Ana", "Bia", "Caio", "Davi", "Eva"):
        failed(1, error=f"ValueError: {name} has no phone")
    failed(2, error="KeyError: 'name'")
    found = look()
    assert ["5 deliveries with ValueError, 71 %" in found[0].text, "2 deliveries with KeyError" in found[1].text] == [
        True,
        True,
    ]
    assert len(found) == 2


def test_of_many_errors_the_worst_are_told_and_only_their_frames_read() -> None:
    delivered(1)
    failed(2, traceback='File "shop/receivers.py", line 3, in save\n    1 / 0\nFile "shop/prices.py", line 9, in _')
    for letter in "ABCDEFGHIJKL":
        failed(2, "shop.receivers.note", error=f"{letter}Error: no")
        delivered(1, "shop.receivers.note")
    with CaptureQueriesContext(connection) as queries:
        found = look()
    assert [finding.severity for finding in found] == [Severity.BROKEN, *[Severity.WARNING] * 9]
    assert "it broke at shop/receivers.py:3." in found[0].fix
    [frames] = [query["sql"] for query in queries if "traceback" in query["sql"]]
    assert len(frames.partition(" IN (")[2].partition(")")[0].split(",")) == 10


def test_renamed_receiver_is_told_from_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (f"{receivers.__name__}.{name}" for name in ("broken", "create_customer"))
    lead_created.connect(receivers.broken)
    arrived()
    dispatch_events()
    # A worker with the new code.
    monkeypatch.setattr(heartbeat, "_written_at", {})
    lead_created.disconnect(receivers.broken)
    lead_created.connect(receivers.create_customer)
    arrived()
    let_time_pass()
    dispatch_events()
    [finding] = look()
    assert (finding.id, finding.severity, finding.link) == (
        "gone-receiver",
        Severity.WARNING,
        Link(model="event", receiver=old),
    )
    assert finding.text == f"{old} is connected in no worker, and 1 delivery waits for it."
    assert f"Was it renamed to {new}? Give that one dispatch_uid='{old}'" in finding.fix
    # The new worker has it: the next attempt finds it.
    TaskRun.objects.update(note=f"lead_created: {old}")
    assert look() == []


def test_older_ones_that_are_open_are_seen_behind_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = now() + timedelta(hours=1)
    for event in failed(2, "shop.receivers.quote", attempts=4, next_attempt_at=soon):
        Event.objects.filter(pk=event.pk).update(status="retrying", next_attempt_at=soon)
    delivered(5)
    monkeypatch.setattr(standing, "NEWEST", 5)
    [finding] = look()
    assert (finding.about, "2 deliveries" in finding.text) == ("shop.receivers.quote PriceListError", True)


def test_verdict_reads_our_tables_alone_and_by_an_index() -> None:
    for task in (heartbeat.WORKER, heartbeat.BEAT):
        TaskRun.objects.create(task=task, started_at=now(), note=f"lead_created: {SAVE}")
    delivered(2)
    assert verdict([Area.EVENTS, Area.DELIVERIES]).text == "Nothing is wrong."
    failed(4)
    with CaptureQueriesContext(connection) as queries:
        found = verdict([Area.RECEIVERS, Area.EVENTS, Area.DELIVERIES])
    assert (found.severity, found.text) == (Severity.BROKEN, found.problems[0].text)
    assert [problem.id for problem in found.problems] == ["failing-receiver"]
    statements = [query["sql"].replace('"', "").replace("`", "") for query in queries]
    assert len(statements) < 20
    of_deliveries = [sql for sql in statements if "FROM zenvia_webhooks_delivery" in sql]
    assert of_deliveries
    # The frames are those of the deliveries that are named: read by their keys.
    by_key = [sql for sql in of_deliveries if "zenvia_webhooks_delivery.id IN (" in sql and "traceback" in sql]
    assert len(by_key) == 1
    assert all(" LIMIT " in sql and "COUNT(" not in sql for sql in of_deliveries if sql not in by_key)


def test_a_cause_stands_above_what_it_brought_about() -> None:
    for task in (heartbeat.WORKER, heartbeat.BEAT):
        TaskRun.objects.create(task=task, started_at=now(), note=f"lead_created: {SAVE}")
    delivered(1)
    given_up = failed(1, status="failed", next_attempt_at=None, finished_at=now())
    delivered(1)
    Event.objects.update(next_attempt_at=None, status="dispatched")
    Event.objects.filter(pk=given_up[0].pk).update(status="failed")
    found = verdict([Area.EVENTS, Area.DELIVERIES]).problems
    assert [finding.id for finding in found] == ["failing-receiver", "failed-events"]
    assert {finding.severity for finding in found} == {Severity.WARNING}


def test_worker_that_died_is_seen_by_who_calls_nobody() -> None:
    assert [finding.id for finding in verdict([Area.WORKER, Area.BEAT]).problems] == ["no-worker"]
