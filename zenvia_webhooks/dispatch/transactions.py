"""Transactions that a host's code leaves open: all that is written after it would be in them, and be lost with them.

Django never opens a new connection in place of one that was closed in the middle of a transaction, as Celery does at
the end of a task. So one such transaction would let every later task of the process fail.
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
    """End what is left open in any database, by closing the connection: what was written there is not committed.

    Raises TransactionLeftOpenError then, unless something else was raised.
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
    """End every transaction of this thread: where none is to be open, one is left from before."""
    for connection in _connections():
        if _state(connection) != _closed(connection):
            _begin_anew(connection)


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
    # Not when it is next needed: connecting alone makes Django forget the transaction. Whoever needs a database that
    # does not answer will hear of it.
    with contextlib.suppress(Error):
        connection.connect()
