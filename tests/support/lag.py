"""A replica that lags behind, and a pooler that sends it every read outside of a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

#: Vendor → what has a connection see the database as it is now, from here on.
SNAPSHOT = {
    "postgresql": ["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1 FROM pg_class LIMIT 1"],
    "mysql": ["SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"],
}


class NoReplica:
    """A router under which whatever is not asked of the database that is written to fails."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:
        raise AssertionError(f"{model.__name__} was read as from a replica")


@contextmanager
def lagging_reads() -> Iterator[list[str]]:
    """Answer this thread's reads outside of a transaction by what was committed before this block.

    So does a pooler that splits reads from writes, below Django. Yield the statements that were sent there.
    """
    replica = _replica()
    reads: list[str] = []

    def split(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not context["connection"].in_atomic_block and sql.startswith("SELECT"):
            reads.append(sql)
            context["cursor"].cursor = replica.create_cursor()
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(split):
            yield reads
    finally:
        replica.close()


def _replica() -> BaseDatabaseWrapper:
    connection.ensure_connection()
    replica = connection.copy()
    if connection.vendor == "sqlite":
        # A copy of the file: a snapshot in it would lock the writers out.
        replica.connection = replica.get_new_connection({**replica.get_connection_params(), "database": ":memory:"})
        assert isinstance(connection.connection, sqlite3.Connection)
        connection.connection.backup(replica.connection)
        return replica
    replica.connect()
    with replica.cursor() as cursor:
        for statement in SNAPSHOT[connection.vendor]:
            cursor.execute(statement)
    return replica
