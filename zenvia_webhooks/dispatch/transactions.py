"""Connections as a host's code and a failover leave them: in an open transaction, or refusing to write.

What is written after a transaction was left open is in it, and is lost with it. Celery closes connections at the end of
a task, and Django opens no new one in place of one that was closed in the middle of a transaction: every later task of
the process would fail.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

#: How deep in transactions a connection is, and whether it commits by itself outside of them.
State = tuple[int, bool]


class TransactionLeftOpenError(Exception):
    """A receiver left a transaction open that it had begun, or switched autocommit off."""

    def __init__(self, alias: str) -> None:
        super().__init__(f"it began a transaction in {alias!r}, or switched autocommit off there, and left it so")


@contextlib.contextmanager
def none_left_open() -> Iterator[None]:
    """Close each connection on which the block leaves a transaction open: what was written there is not committed.

    Raises TransactionLeftOpenError then, unless the block itself raised.
    """
    before = {connection.alias: _state(connection) for connection in _connections()}
    left_open: list[str] = []
    try:
        yield
    finally:
        for connection in _connections():
            was = before.get(connection.alias, _closed(connection))
            if _state(connection) != was:
                left_open.append(connection.alias)
                if not was[0]:
                    _begin_anew(connection)
    if left_open:
        raise TransactionLeftOpenError(left_open[0])


def end_all() -> None:
    """End every transaction of this thread, to be called where only an earlier task can have left one open."""
    for connection in _connections():
        if _state(connection) != _closed(connection):
            _begin_anew(connection)


def close_all() -> None:
    """Close every connection of this thread that is in no transaction.

    After a failed write, as a failover may have left the connection read-only: Django's health check, a `SELECT 1`,
    passes there.
    """
    for connection in _connections():
        if not connection.in_atomic_block:
            connection.close()


def is_databases(error: BaseException | None) -> bool:
    """Tell whether a database's error is among an exception and what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _connections() -> Sequence[BaseDatabaseWrapper]:
    return connections.all(initialized_only=True)


def _state(connection: BaseDatabaseWrapper) -> State:
    if connection.connection is None:
        return _closed(connection)
    return connection.in_atomic_block + len(connection.savepoint_ids), connection.autocommit


def _closed(connection: BaseDatabaseWrapper) -> State:
    return 0, bool(connection.settings_dict["AUTOCOMMIT"])


def _begin_anew(connection: BaseDatabaseWrapper) -> None:
    connection.close()
    # At once, as only connecting makes Django forget the transaction.
    with contextlib.suppress(Error), connection.wrap_database_errors:
        connection.connect()
        return
    # Whoever needs the database will see its error. Until it is closed once more, the old one counts as open.
    with contextlib.suppress(Error):
        connection.close()
