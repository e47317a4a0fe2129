"""Events and subscriptions: what is reported, and what that costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support.factories import make_event, make_subscription
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.diagnosis import Area, Finding, Severity, diagnose, recent
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.models import Event, Subscription, TaskRun

pytestmark = pytest.mark.django_db

ELSEWHERE = "https://crm.other.example/zenvia/webhook/" + "a" * 64 + "/"


@pytest.fixture(autouse=True)
def _with_worker_and_beat() -> None:
    for task in (heartbeat.WORKER, heartbeat.BEAT):
        TaskRun.objects.create(task=task, started_at=now(), note="lead_created: shop.receivers.save")


def look(*areas: Area) -> list[Finding]:
    return [finding for finding in diagnose(areas) if finding.severity != Severity.OK]


def ids(*areas: Area) -> list[str]:
    return [finding.id for finding in look(*areas)]


# Events


def test_event_that_waits_for_long_is_reported() -> None:
    for _ in range(3):
        arrived()
    assert ids(Area.EVENTS) == []
    let_time_pass(180)
    [finding] = look(Area.EVENTS)
    assert (finding.id, finding.severity) == ("due-events", Severity.WARNING)
    assert "3, the oldest for 3 minutes" in finding.text


def test_events_that_wait_for_want_of_a_worker_are_no_fault_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenvia_webhooks.diagnosis.workers.ANSWER_SECONDS", 0)
    arrived()
    let_time_pass(180)
    TaskRun.objects.all().delete()
    assert [finding.id for finding in diagnose([Area.WORKER, Area.EVENTS])] == [
        "no-worker",
        "events-skipped",
        "events-ok",
        "events-skipped",
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [("failed", "failed-events"), ("quarantined", "quarantined-events"), ("unhandled", "unhandled-events")],
)
def test_recent_events_that_went_wrong_are_counted(status: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        arrived("quote.\x1b[31mupdated")
    Event.objects.update(status=status, next_attempt_at=None)
    [finding] = look(Area.EVENTS)
    assert (finding.id, finding.severity, " 3" in finding.text) == (kind, Severity.WARNING, True)
    assert finding.text.isprintable()
    monkeypatch.setattr(recent, "RECENT_EVENTS", 2)
    [finding] = look(Area.EVENTS)
    assert "2 or more" in finding.text
    monkeypatch.setattr(recent, "RECENT_EVENTS", 5)
    monkeypatch.setattr(recent, "MOST_GROUPS", 1)
    make_event("another.topic", status=status, next_attempt_at=None)
    [finding] = look(Area.EVENTS)
    assert "3 or more" in finding.text
    Event.objects.update(received_at=now() - timedelta(days=8))
    assert look(Area.EVENTS) == []


def test_cost_does_not_grow_with_the_number_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        arrived()
    with CaptureQueriesContext(connection) as queries:
        assert ids(Area.COPY, Area.SUBSCRIPTIONS, Area.EVENTS) == []
    statements = [query["sql"].replace('"', "").replace("`", "") for query in queries]
    of_events = [sql for sql in statements if "FROM zenvia_webhooks_event" in sql]
    assert len(of_events) >= 3
    # What came is counted by the database, once for all who ask.
    assert len([sql for sql in of_events if "GROUP BY" in sql]) == 1
    assert all("GROUP BY" in sql or int(sql.split(" LIMIT ")[1].split()[0]) <= 1000 for sql in of_events)
    # No scan of the table: each reads an index, up to a limit, and counts no more than that.
    assert all(" LIMIT " in sql for sql in of_events)
    if connection.vendor == "sqlite":
        for sql in of_events:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                assert "zenvia_event_" in str(cursor.fetchall()), sql


# Subscriptions


def test_a_topic_that_its_subscription_does_not_hold_is_named() -> None:
    asked_for = make_subscription(topics=["lead.created"])
    make_event("lead.created", subscription=asked_for)
    assert ids(Area.SUBSCRIPTIONS) == []
    make_event("quote.updated", subscription=asked_for)
    [finding] = look(Area.SUBSCRIPTIONS)
    assert (finding.id, finding.severity) == ("unheld-topics", Severity.WARNING)
    assert finding.text.endswith("does not hold: 'quote.updated'.")


def test_site_without_subscriptions_is_told_to_register() -> None:
    make_subscription(status="inactive")
    [finding] = look(Area.SUBSCRIPTIONS)
    assert (finding.id, finding.severity) == ("no-subscription", Severity.WARNING)


@pytest.mark.parametrize(
    ("status", "kind", "severity"),
    [
        ("failed", "failed-subscription", Severity.BROKEN),
        ("missing", "missing-subscription", Severity.BROKEN),
        ("pending", "pending-subscription", Severity.WARNING),
    ],
)
def test_subscription_that_is_not_as_it_should_be(status: str, kind: str, severity: Severity) -> None:
    row = make_subscription(status=status, last_error="Zenvia says no to /webhook/" + "b" * 64)
    make_subscription()
    Subscription.objects.update(updated_at=now() - timedelta(minutes=2))
    [finding] = look(Area.SUBSCRIPTIONS)
    assert (finding.id, finding.severity) == (kind, severity)
    assert f"#{row.pk}" in finding.text
    assert "b" * 64 not in finding.text
    if status == "failed":
        assert "Zenvia says no" in finding.text


def test_removal_that_zenvia_did_not_confirm_is_said() -> None:
    row = make_subscription(wish="inactive")
    [finding] = look(Area.SUBSCRIPTIONS)
    assert (finding.id, finding.severity) == ("unconfirmed-removal", Severity.WARNING)
    assert f"#{row.pk}" in finding.text


def test_registration_under_way_is_no_fault() -> None:
    make_subscription(status="pending")
    assert look(Area.SUBSCRIPTIONS) == []


def test_silence_is_reported_where_it_is_asked_for(settings: Any) -> None:
    row = make_subscription(last_event_at=now() - timedelta(hours=30))
    assert look(Area.SUBSCRIPTIONS) == []
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "QUIET_HOURS": 24}
    [finding] = look(Area.SUBSCRIPTIONS)
    assert (finding.id, "for 1 day" in finding.text) == ("quiet-subscription", True)
    row.last_event_at = None
    row.save()
    assert look(Area.SUBSCRIPTIONS) == []  # it is new
    Subscription.objects.update(created_at=now() - timedelta(hours=30))
    assert ids(Area.SUBSCRIPTIONS) == ["quiet-subscription"]


def test_copied_database_is_reported_once_whatever_else_is_in_it(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "QUIET_HOURS": 24}
    make_subscription(registered_url=ELSEWHERE, last_event_at=now() - timedelta(hours=30))
    areas = (Area.COPY, Area.SUBSCRIPTIONS, Area.EVENTS)
    [finding] = look(*areas)
    assert (finding.id, finding.severity) == ("copied-database", Severity.WARNING)
    assert "https://crm.other.example, not for https://crm.example.com" in finding.text
    assert "a" * 64 not in finding.text
    Subscription.objects.update(remote_id="of-the-tests")
    arrived()
    let_time_pass(180)
    # Of the two findings the one that says what is about to happen, and as an error.
    finding, *others = look(*areas)
    assert (finding.id, finding.severity) == ("copied-database", Severity.BROKEN)
    assert "1 event is due and would be handed to your receivers here." in finding.text
    assert [other.severity for other in others] == [Severity.SKIPPED]
