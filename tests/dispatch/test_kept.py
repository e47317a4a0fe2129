"""The connection that a worker keeps from one run to the next, on which Celery is not to lay hands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery.states import FAILURE, SUCCESS
from django.db import connection, connections, transaction

from zenvia_webhooks.dispatch import kept
from zenvia_webhooks.tasks import dispatch_events

# In memory, as SQLite's are in tests, a connection is the database.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def _kept_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    connection.close()
    yield
    kept.take_back()


def backend() -> int:
    """Return the number of the server's process behind the present connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def between_tasks() -> None:
    """Close connections as Celery does after a task, and before the next one."""
    connections.close_all()


def test_it_is_the_same_in_the_next_run() -> None:
    before = backend()
    kept.put_aside()
    between_tasks()
    kept.take_back()
    assert backend() == before


def test_whoever_runs_in_between_has_another() -> None:
    before = backend()
    kept.put_aside()
    assert backend() != before
    between_tasks()
    kept.take_back()
    assert backend() == before


def test_of_two_the_open_one_is_used() -> None:
    kept_one = backend()
    kept.put_aside()
    open_one = backend()
    kept.take_back()
    assert backend() == open_one != kept_one


def test_one_that_the_server_has_ended_is_not_used() -> None:
    before = backend()
    kept.put_aside()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    between_tasks()
    kept.take_back()
    assert backend() != before


def test_one_that_was_idle_for_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_IDLE", 0)
    before = backend()
    kept.put_aside()
    kept.take_back()
    assert backend() != before


def test_one_that_is_to_be_closed_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    before = backend()
    kept.put_aside()
    between_tasks()
    kept.take_back()
    assert backend() != before


def test_one_in_a_transaction_is_not_kept() -> None:
    with transaction.atomic():
        before = backend()
        kept.put_aside()
        assert backend() == before


@pytest.mark.parametrize(("status", "is_kept"), [(SUCCESS, True), (FAILURE, False)])
def test_a_task_keeps_its_own_if_it_went_well(status: str, is_kept: bool) -> None:
    dispatch_events.before_start("an-id", (), {})
    before = backend()
    dispatch_events.after_return(status, 0, "an-id", (), {}, None)
    between_tasks()
    dispatch_events.before_start("an-id", (), {})
    assert (backend() == before) == is_kept
