"""What the doctor says of the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from zenvia_webhooks.diagnosis import Area, Severity, diagnose

#: How a session of each database is told to see the same rows until its transaction's end. SQLite knows no other way.
REPEATABLE_READ = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "mysql": "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "sqlite": "SELECT 1",
}


@pytest.fixture
def repeatable_read(transactional_db: Any) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(REPEATABLE_READ[connection.vendor])
    yield
    if connection.vendor != "sqlite":
        connection.close()


@pytest.mark.usefixtures("repeatable_read")
def test_level_at_which_postgresql_fails_transactions_is_named() -> None:
    [found] = diagnose([Area.DATABASE])
    if connection.vendor == "postgresql":
        assert (found.id, found.severity) == ("isolation-level", Severity.WARNING)
        assert "'default' are 'repeatable read'" in found.text
    else:
        # The suite passes there as it is.
        assert found.severity == Severity.OK


@pytest.mark.django_db(transaction=True)
def test_good_database_is_named_with_its_kind() -> None:
    [found] = diagnose([Area.DATABASE])
    assert (found.id, f"({connection.vendor})" in found.text) == ("database-ok", True)
