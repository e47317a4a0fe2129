from __future__ import annotations

import json
import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import IntegrityError, connection, transaction
from django.db.models import DO_NOTHING, ProtectedError
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support import receivers
from tests.support.factories import make_event
from tests.support.webhooks import arrived
from zenvia_webhooks import retention, tasks
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.retention import FINISHED, to_purge
from zenvia_webhooks.schedule import BEAT_SCHEDULE
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db


def stored(days_ago: float = 100, status: str = "dispatched", **columns: Any) -> Event:
    moment = now() - timedelta(days=days_ago)
    return make_event(**{"status": status, "received_at": moment, "next_attempt_at": None, **columns})


def purge(days: float) -> list[int]:
    """Return how many events each transaction of a purge deleted."""
    return [batch.number for batch in retention.purge(days)]


def left() -> set[int]:
    return set(Event.objects.values_list("pk", flat=True))


def test_finished_and_old_events_go_with_their_deliveries() -> None:
    lead_created.connect(receivers.note)
    arrived()
    dispatch_due()
    Event.objects.update(received_at=now() - timedelta(days=91))
    young = stored(days_ago=89)
    assert purge(90) == [1]
    assert left() == {young.pk}
    assert not Delivery.objects.exists()


def test_what_a_hosts_own_rows_protect_is_kept_and_keeps_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    events = [stored() for _ in range(5)]
    kept = {events[1].pk, events[4].pk}

    def protect(sender: Any, instance: Event, **kwargs: Any) -> None:
        # As Django does for a foreign key with PROTECT.
        if instance.pk in kept:
            raise ProtectedError("an invoice refers to it", {instance})

    pre_delete.connect(protect, sender=Event)
    try:
        assert purge(90) == [3]
    finally:
        pre_delete.disconnect(protect, sender=Event)
    assert left() == kept
    assert "2 old events are kept" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_the_database_alone_protects_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign key with DO_NOTHING, which PostgreSQL looks at late."""
    events = [stored() for _ in range(3)]
    delivery = Delivery.objects.create(event=events[1], receiver="of-the-host")
    relations = [relation for relation in Event._meta.related_objects if relation.related_model is Delivery]
    monkeypatch.setattr(relations[0], "on_delete", DO_NOTHING)
    if connection.vendor == "sqlite":
        # It has no savepoint that would say so: the whole batch stays.
        with pytest.raises(IntegrityError):
            purge(90)
        assert left() == {event.pk for event in events}
        return
    assert purge(90) == [2]
    assert left() == {events[1].pk}
    assert Delivery.objects.get() == delivery


@pytest.mark.parametrize("status", Event.Status.values)
def test_every_status_but_the_open_ones_is_finished(status: str) -> None:
    stored(status=status)
    assert sum(purge(90)) == (status not in ("pending", "retrying"))
    assert (status in FINISHED) is (not left())


def test_what_is_due_or_held_stays_whatever_its_status() -> None:
    kept = {stored(next_attempt_at=now()).pk, stored(claim=uuid.uuid4()).pk}
    gone = stored(days_ago=99)
    assert sum(purge(90)) == 1
    assert left() == kept
    assert gone.pk not in left()


def test_it_goes_on_behind_what_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    moment = now() - timedelta(days=100)
    kept = {stored(next_attempt_at=now(), received_at=moment).pk for _ in range(3)}
    for _ in range(4):
        stored(received_at=moment)
    assert purge(90) == [0, 1, 2, 1]
    assert left() == kept


@pytest.mark.django_db(transaction=True)
def test_batch_takes_few_queries_and_reads_no_body() -> None:
    for _ in range(20):
        stored()
    with CaptureQueriesContext(connection) as queries:
        assert sum(purge(90)) == 20
    assert len(queries) <= 11
    assert not any("body" in query["sql"] for query in queries.captured_queries)


@pytest.mark.django_db(transaction=True)
def test_event_that_is_being_replayed_stays() -> None:
    event = stored()
    lead_created.connect(receivers.note)
    begun = threading.Event()
    purged: list[int] = []

    def purge_elsewhere() -> None:
        begun.set()
        purged.extend(purge(90))
        connection.close()

    other = threading.Thread(target=purge_elsewhere)
    with transaction.atomic():
        assert event.replay()
        other.start()
        assert begun.wait(20)
        other.join(0.5)  # it passes over a locked row, or waits where the database locks none
    other.join(30)
    assert purged == [0]
    assert left() == {event.pk}


# The task


def purge_task() -> Any:
    return current_app.tasks[tasks.purge_events.name]


def test_task_purges_by_the_setting(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETENTION_DAYS": 50}
    young = stored(days_ago=49)
    stored(days_ago=51)
    assert purge_task()() == 1
    assert left() == {young.pk}


def test_task_keeps_all_where_the_setting_says_so(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETENTION_DAYS": None}
    stored(days_ago=10_000)
    assert purge_task()() == 0
    assert left()


@pytest.mark.parametrize("days", [10**6, 10**9 - 1])
def test_task_takes_any_number_of_days(settings: Any, days: int) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETENTION_DAYS": days}
    stored(days_ago=10_000)
    assert purge_task()() == 0
    assert left()


def test_task_leaves_the_rest_to_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(tasks, "PURGE_SECONDS", 0)
    for _ in range(5):
        stored()
    young = stored(days_ago=1)
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        queue = channel.queue_declare(current_app.conf.task_default_queue)
        channel.queue_purge(queue.queue)
        assert purge_task()() == 2
        message = channel.basic_get(queue.queue)
        assert message.headers["task"] == "zenvia_webhooks.purge_events"
        until = (datetime.fromisoformat(message.headers["eta"]) - now()).total_seconds()
        assert 0 < until <= tasks.PURGE_PAUSE
        # Behind what was looked at, though an older one has come up since: it may be one that is to stay.
        Event.objects.filter(pk=young.pk).update(received_at=now() - timedelta(days=200))
        _arguments, again, _embed = json.loads(message.body)
        assert purge_task()(**again) == 2
        message = channel.basic_get(queue.queue)
        _arguments, again, _embed = json.loads(message.body)
        assert purge_task()(**again) == 1
        assert channel.basic_get(queue.queue) is None
    assert left() == {young.pk}


def test_schedule_names_tasks_that_exist() -> None:
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(current_app.tasks)
    assert tasks.purge_events.name in BEAT_SCHEDULE


def test_number_to_purge_is_that_which_is_purged() -> None:
    stored()
    stored(days_ago=1)
    assert to_purge(90).count() == sum(purge(90)) == 1
