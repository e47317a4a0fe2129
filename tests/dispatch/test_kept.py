"""The connection that a worker keeps from one run to the next, on which Celery is not to lay hands."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery.concurrency import prefork, solo, thread
from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction

from tests.support.host import Host, wait_for
from zenvia_webhooks import tasks
from zenvia_webhooks.dispatch import kept, pools


@pytest.fixture
def _kept_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    connection.close()
    of_the_suite = connections[DEFAULT_DB_ALIAS]
    yield
    run(lambda: connection.close())
    # The one by which the suite's database is destroyed in the end.
    connections[DEFAULT_DB_ALIAS] = of_the_suite


def backend() -> int:
    """Return the number of the server's process behind the present connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def run(before_it_ends: Callable[[], object] = lambda: None) -> int:
    """Return the backend of a run; Celery then closes what it sees."""
    try:
        with kept.from_run_to_run():
            number = backend()
            before_it_ends()
        return number
    finally:
        connections.close_all()


def is_open(number: int) -> bool:
    """Tell whether the server still has this backend, half a second later at most."""
    ends = time.monotonic() + 0.5
    with connection.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [number])
            if not cursor.fetchall():
                return False
    return True


def ask_what_fails() -> None:
    with contextlib.suppress(Error), connection.cursor() as cursor:
        cursor.execute("SELECT a_column")


def begin() -> None:
    transaction.set_autocommit(False)


def count(execute: Callable[..., object], *args: object) -> object:
    return execute(*args)


# In memory, as SQLite's are in tests, a connection is the database.
@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_kept_open")
class TestKept:
    def test_it_is_the_same_in_the_next_run(self) -> None:
        first = run()
        assert (run(), run()) == (first, first)
        assert is_open(first)

    def test_whoever_runs_in_between_has_another(self) -> None:
        first = run()
        assert backend() != first
        connections.close_all()
        assert run() == first

    def test_of_two_the_one_in_use_is_taken(self) -> None:
        first, present = run(), backend()
        assert first != present
        assert (run(), run()) == (present, present)

    def test_one_that_the_server_has_ended_is_not_used(self) -> None:
        first = run()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        connections.close_all()
        assert run() != first

    def test_one_that_was_idle_for_long_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = run()
        monkeypatch.setattr(kept, "MOST_IDLE", 0)
        assert run() != first

    def test_one_that_is_older_than_the_host_wants_is_not_used(self) -> None:
        def age() -> None:
            connection.close_at = 0

        first = run(age)
        assert run() != first

    def test_none_is_kept_where_the_host_keeps_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
        assert not is_open(run())

    @pytest.mark.parametrize("leave", [ask_what_fails, begin])
    def test_one_that_is_not_as_a_new_one_is_not_kept(self, leave: Callable[[], None]) -> None:
        assert not is_open(run(leave))

    def test_none_is_kept_of_a_run_that_failed(self) -> None:
        first = run()
        with pytest.raises(ZeroDivisionError):
            run(lambda: 1 / 0)
        assert run() != first

    def test_none_is_kept_of_a_backend_that_is_not_djangos(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "DJANGOS_OWN", ("django_tenants.",))
        first = run()
        assert run() != first

    def test_none_is_used_under_a_tasks_own_wrapper(self) -> None:
        first = run()
        with connection.execute_wrapper(count):
            assert run() != first

    def test_none_is_kept_with_a_wrapper(self) -> None:
        first = run(lambda: connection.execute_wrappers.append(count))
        connection.execute_wrappers.clear()
        assert run() != first

    @pytest.mark.parametrize(
        ("pool", "request_of_it", "is_kept"),
        [
            (prefork.TaskPool, {"called_directly": False}, True),
            (solo.TaskPool, {"called_directly": False}, False),
            (thread.TaskPool, {"called_directly": False}, False),
            (prefork.TaskPool, {"called_directly": True}, False),
            (prefork.TaskPool, {"called_directly": False, "is_eager": True}, False),
        ],
    )
    def test_only_a_task_of_a_prefork_worker_keeps_one(
        self, monkeypatch: pytest.MonkeyPatch, pool: type, request_of_it: dict[str, bool], is_kept: bool
    ) -> None:
        monkeypatch.setattr(pools, "_pool", pool)
        first = backend()
        tasks.dispatch_events.push_request(**request_of_it)
        try:
            tasks.dispatch_events.run()
        finally:
            tasks.dispatch_events.pop_request()
        connections.close_all()
        assert (run() == first) is is_kept


NOTE_WHAT_IS_OPENED = """
from billiard.process import current_process
from django.db.backends.signals import connection_created

def note_opened(**kwargs):
    run(current_process().name)

connection_created.connect(note_opened)
"""
ARRIVE = """
from django.utils.timezone import now
from zenvia_webhooks import wakeup
Event.objects.create(
    account="default", contract="help_center", topic="visit.booked", payload={"topic": "visit.booked", "data": {}},
    body=b"", fingerprint=str(Event.objects.count()).encode(), received_at=now(), next_attempt_at=now())
wakeup.hint()
print(wakeup.flush(5))
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "site", Path(sys.executable))
    with (host.folder / "shop" / "receivers.py").open("a") as receivers:
        receivers.write(NOTE_WHAT_IS_OPENED)
    yield host
    host.stop()


@pytest.mark.worker
@pytest.mark.once
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("age", "opened"), [(60, 1), (0, 3)])
def test_a_worker_opens_one_for_all_its_runs_if_the_host_keeps_its_own(host: Host, age: int, opened: int) -> None:
    with (host.folder / "host" / "settings.py").open("a") as settings:
        settings.write(f'DATABASES["default"]["CONN_MAX_AGE"] = {age}\n')
    host.start_worker("--concurrency", "1", beat=False)
    for number in range(1, 4):
        assert host.shell(ARRIVE) == "True"
        wait_for(lambda: (host.folder / "worker.log").read_text().count(" succeeded in ") == number, host.logs)  # noqa: B023
    assert host.shell("print(*Event.objects.values_list('status', flat=True))") == "unhandled unhandled unhandled"
    assert len(host.runs("ForkPoolWorker-1")) == opened
