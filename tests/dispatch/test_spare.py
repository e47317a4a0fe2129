"""The connection that a worker opens ahead for its next run, where Celery does not see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from celery.concurrency import prefork, solo, thread
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_prerun, worker_process_shutdown
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction
from django.db.backends.signals import connection_created

from zenvia_webhooks import tasks, wakeup
from zenvia_webhooks.dispatch import pools, spare

#: Vendor → what tells a connection's number, and whether the server has it; what ends it; what a host sets on a new
#: one, and what tells whether it is set.
NUMBER, IS_OPEN, END, SET_UP, IS_SET_UP = range(5)
STATEMENTS = {
    "postgresql": (
        "SELECT pg_backend_pid()",
        "SELECT 1 FROM pg_stat_activity WHERE pid = %s",
        "SELECT pg_terminate_backend(%s, 5000)",
        "SELECT set_config('application_name', 'of the host', false)",
        "SELECT current_setting('application_name')",
    ),
    "mysql": (
        "SELECT CONNECTION_ID()",
        "SELECT 1 FROM information_schema.processlist WHERE id = %s",
        "KILL %s",
        "SET @set_up = 'of the host'",
        "SELECT @set_up",
    ),
}


@pytest.fixture
def _kept_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    connection.close()
    yield
    spare.close()


def ask(what: int, *values: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[connection.vendor][what], values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def is_open(number: int) -> bool:
    """Tell whether the server still has this connection, ten seconds later at most."""
    ends = time.monotonic() + 10
    while ask(IS_OPEN, number):
        if time.monotonic() > ends:
            return True
    return False


def run(before_it_ends: Callable[[], object] = lambda: None) -> int:
    """Return the number of a run's connection; Celery then closes what it sees."""
    try:
        with spare.used_and_replaced():
            [number] = ask(NUMBER)
            before_it_ends()
        return int(number)
    finally:
        connections.close_all()


def number_of_spare() -> int:
    """Return the number of the one that is open for the next run; 0 if there is none."""
    if spare._spare is None:
        return 0
    cursor = spare._spare.connection.cursor()
    cursor.execute(STATEMENTS[connection.vendor][NUMBER])
    number = int(cursor.fetchone()[0])
    cursor.close()
    return number


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_kept_open")
class TestSpare:
    def test_a_run_uses_the_one_that_was_opened_when_the_last_ended(self) -> None:
        first = run()
        ahead = number_of_spare()
        assert first != ahead
        assert run() == ahead
        assert number_of_spare() not in (first, ahead)

    def test_a_process_has_one_open(self) -> None:
        with spare.used_and_replaced():
            [first] = ask(NUMBER)
        # Before the task has ended.
        assert connections[DEFAULT_DB_ALIAS].connection is None
        ahead = number_of_spare()
        assert not is_open(first)
        run()
        assert not is_open(ahead)

    def test_of_two_the_present_one_is_used(self) -> None:
        run()
        ahead, [present] = number_of_spare(), ask(NUMBER)
        assert run() == present
        assert not is_open(ahead)

    def test_one_that_the_server_has_ended_is_not_used(self) -> None:
        run()
        ahead = number_of_spare()
        ask(END, ahead)
        assert not is_open(ahead)
        connections.close_all()
        assert run() != ahead

    @pytest.mark.parametrize("age", [60, None])
    def test_one_that_was_idle_for_long_is_closed_and_asked_nothing(
        self, monkeypatch: pytest.MonkeyPatch, age: int | None
    ) -> None:
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", age)
        run()
        ahead = number_of_spare()
        monkeypatch.setattr(spare, "MOST_IDLE", 0)
        monkeypatch.setattr(type(connections[DEFAULT_DB_ALIAS]), "is_usable", lambda self: pytest.fail("it was asked"))
        assert run() != ahead
        assert not is_open(ahead)

    def test_one_that_is_older_than_the_host_wants_is_not_used(self) -> None:
        run()
        ahead = number_of_spare()
        assert spare._spare is not None
        spare._spare = replace(spare._spare, close_at=0)
        assert run() != ahead
        assert not is_open(ahead)

    @pytest.mark.parametrize(("setting", "value"), [("CONN_MAX_AGE", 0), ("ENGINE", "tenants.postgresql")])
    def test_none_is_opened_with_such_settings(
        self, monkeypatch: pytest.MonkeyPatch, setting: str, value: object
    ) -> None:
        monkeypatch.setitem(connection.settings_dict, setting, value)
        run()
        assert number_of_spare() == 0

    def test_none_is_opened_by_a_run_that_failed(self) -> None:
        with pytest.raises(ZeroDivisionError):
            run(lambda: 1 / 0)
        assert number_of_spare() == 0

    @pytest.mark.parametrize("named", ["the driver's", "Celery's"])
    def test_a_run_goes_well_though_none_can_be_opened(self, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
        errors = {"Celery's": SoftTimeLimitExceeded, "the driver's": connection.Database.OperationalError}  # type: ignore[attr-defined]  # not in the stubs

        def refuse(*args: object) -> None:
            raise errors[named]

        run(lambda: monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "get_new_connection", refuse))
        assert number_of_spare() == 0

    def test_one_that_is_half_set_up_is_closed(self) -> None:
        def refuse(**kwargs: Any) -> None:
            raise RuntimeError("of the host")

        try:
            with spare.used_and_replaced():
                ask(NUMBER)
                connection_created.connect(refuse)
        finally:
            connection_created.disconnect(refuse)
        assert connections[DEFAULT_DB_ALIAS].connection is None
        assert number_of_spare() == 0

    @pytest.mark.parametrize(("error", "hints"), [(OperationalError, 1), (RuntimeError, 0)])
    def test_a_run_that_finds_it_useless_asks_for_another_that_has_a_new_one(
        self, monkeypatch: pytest.MonkeyPatch, error: type[Exception], hints: int
    ) -> None:
        """A failover may have left it read-only, which no health check sees."""
        asked: list[int] = []
        monkeypatch.setattr(wakeup, "hint", lambda: asked.append(1))

        def fail() -> None:
            raise error("read-only")

        run()
        for _ in range(2):
            with pytest.raises(error):
                run(fail)
        assert len(asked) == hints

    def test_who_holds_djangos_connection_has_the_one_of_the_run(self) -> None:
        held = connections[DEFAULT_DB_ALIAS]
        run()
        with spare.used_and_replaced():
            assert connections[DEFAULT_DB_ALIAS] is held
            with transaction.atomic(), held.cursor():
                assert held.in_atomic_block

    def test_it_is_set_up_as_any_other(self) -> None:
        """By a host that waits for Django's signal, and writes to the global connection."""

        def set_up(**kwargs: Any) -> None:
            ask(SET_UP)

        connection_created.connect(set_up)
        try:
            run()
            connection_created.disconnect(set_up)
            ahead, found = number_of_spare(), []
            assert run(lambda: found.extend(ask(IS_SET_UP))) == ahead
        finally:
            connection_created.disconnect(set_up)
        assert found == ["of the host"]

    def test_none_is_used_with_other_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run()
        ahead = number_of_spare()
        monkeypatch.setitem(connection.settings_dict["OPTIONS"], "connect_timeout", 7)
        assert run() != ahead

    def test_another_task_has_the_only_one(self) -> None:
        run()
        ahead = number_of_spare()
        task_prerun.send(tasks.dispatch_events)
        assert number_of_spare() == ahead
        task_prerun.send(tasks.purge_events)
        assert number_of_spare() == 0
        assert not is_open(ahead)

    def test_it_is_closed_when_the_process_ends(self) -> None:
        run()
        ahead = number_of_spare()
        worker_process_shutdown.send("worker@here", pid=1, exitcode=0)
        assert not is_open(ahead)

    @pytest.mark.parametrize(
        ("pool", "request_of_it", "opens"),
        [
            (prefork.TaskPool, {"called_directly": False}, True),
            (solo.TaskPool, {"called_directly": False}, False),
            (thread.TaskPool, {"called_directly": False}, False),
            (prefork.TaskPool, {"called_directly": True}, False),
            (prefork.TaskPool, {"called_directly": False, "is_eager": True}, False),
        ],
    )
    def test_only_a_task_of_a_prefork_worker_opens_one(
        self, monkeypatch: pytest.MonkeyPatch, pool: type, request_of_it: dict[str, bool], opens: bool
    ) -> None:
        monkeypatch.setattr(pools, "_pool", pool)
        tasks.dispatch_events.push_request(**request_of_it)
        try:
            tasks.dispatch_events.run()
        finally:
            tasks.dispatch_events.pop_request()
        assert (number_of_spare() != 0) is opens
