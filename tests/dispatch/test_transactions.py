"""What is left open in any of a host's databases is ended; what was open before is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from pytest_django.plugin import DjangoDbBlocker

from zenvia_webhooks import tasks
from zenvia_webhooks.dispatch.transactions import TransactionLeftOpenError, end_all, none_left_open


@pytest.fixture
def other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """A second database of the host's, in a file."""
    handler = ConnectionHandler(
        {"default": {}, "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db"}}
    )
    connection = handler["other"]
    monkeypatch.setitem(connections.settings, "other", handler.settings["other"])
    connections["other"] = connection
    with django_db_blocker.unblock():
        yield connection
        end_all()
        connection.close()
    del connections["other"]


def works(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a connection still does after the end of a task, when Celery closes it."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone()) and connection.get_autocommit()


@pytest.mark.parametrize("is_connected", [True, False])
def test_transaction_in_another_database_is_ended_and_told(other: BaseDatabaseWrapper, is_connected: bool) -> None:
    if is_connected:
        other.connect()
    with pytest.raises(TransactionLeftOpenError, match="in 'other'"), none_left_open():
        transaction.atomic(using="other").__enter__()
    assert not other.in_atomic_block
    assert works(other)


def test_autocommit_that_was_switched_off_is_on_again(other: BaseDatabaseWrapper) -> None:
    with pytest.raises(TransactionLeftOpenError), none_left_open():
        other.set_autocommit(False)
    assert works(other)


def test_what_was_raised_is_what_is_told(other: BaseDatabaseWrapper) -> None:
    def fails_in_the_middle() -> None:
        with none_left_open():
            transaction.atomic(using="other").__enter__()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_in_the_middle()
    assert works(other)


def test_what_was_open_before_stays_open(other: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using="other"):
        with none_left_open(), transaction.atomic(using="other"):
            pass
        assert other.in_atomic_block
        with pytest.raises(TransactionLeftOpenError), none_left_open():
            transaction.atomic(using="other").__enter__()
        assert other.in_atomic_block


def test_connection_that_was_closed_meanwhile_is_none_left_open(other: BaseDatabaseWrapper) -> None:
    other.connect()
    with none_left_open():
        other.close()
    assert other.connection is None


def test_end_ends_what_is_open_and_nothing_else(other: BaseDatabaseWrapper) -> None:
    other.connect()
    kept = other.connection
    end_all()
    assert other.connection is kept

    transaction.atomic(using="other").__enter__()
    end_all()
    assert works(other)


def test_end_is_quiet_where_the_database_is_gone(other: BaseDatabaseWrapper, tmp_path: Path) -> None:
    transaction.atomic(using="other").__enter__()
    other.settings_dict["NAME"] = tmp_path / "no folder" / "db"
    end_all()
    with pytest.raises(OperationalError):
        other.ensure_connection()


@pytest.mark.parametrize("task", [tasks.dispatch_events, tasks.purge_events, tasks.sync_subscriptions])
def test_task_of_ours_works_after_one_that_left_a_transaction_open(other: BaseDatabaseWrapper, task: object) -> None:
    transaction.atomic(using="other").__enter__()
    other.close()  # as Celery does: without the next line, for good
    task.before_start("an-id", (), {})  # type: ignore[attr-defined]  # Celery's decorator makes it a task
    assert works(other)
