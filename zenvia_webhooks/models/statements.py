"""The three statements that each event takes, written by hand: its INSERT, its delivery's, and the end of its claim.

The first as no method of the ORM does it: `create()` finds a repetition by a failed INSERT, which leaves the whole
statement in PostgreSQL's log and a dead row in its table; `bulk_create(ignore_conflicts=True)` does not tell whether it
inserted; and `INSERT IGNORE` cuts off what is too long. The others because the ORM builds the same text anew each time,
which takes longer than to run it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.models.signals import post_save, pre_save


def insert_new(row: models.Model, *, unique: str, using: str) -> bool:
    """Insert a row unless one with the same value in the column `unique` is there; tell whether it was inserted.

    `pre_save` and `post_save` are sent as by `save()`, the second only for a row that was inserted. On MariaDB and
    MySQL, the second of two at the same moment raises IntegrityError.
    """
    model, connection = type(row), connections[using]
    pre_save.send(sender=model, instance=row, raw=False, using=using, update_fields=None)
    values = _values(row, using)
    look, insert = _insert_new(model, tuple(values), unique, using)
    if look:
        with connection.cursor() as cursor:
            cursor.execute(look, [values[unique]])
            if cursor.fetchone():
                return False
    if not _insert(row, insert, values.values(), using):
        return False
    if not connection.in_atomic_block:
        # It is committed already, unless somebody's own BEGIN on a kept connection was never ended. The drivers of
        # PostgreSQL and SQLite know whether it was, and ask nobody then.
        with connection.wrap_database_errors:
            connection.connection.commit()
    post_save.send(sender=model, instance=row, created=True, raw=False, using=using, update_fields=None)
    return True


def insert(row: models.Model, *, using: str) -> None:
    """Insert a row in the present transaction. `pre_save` and `post_save` are sent as by `save()`."""
    model = type(row)
    pre_save.send(sender=model, instance=row, raw=False, using=using, update_fields=None)
    values = _values(row, using)
    _insert(row, _plain_insert(model, tuple(values), using) + _returning(using), values.values(), using)
    post_save.send(sender=model, instance=row, created=True, raw=False, using=using, update_fields=None)


def end_claim(
    model: type[models.Model],
    pk: int,
    claim: uuid.UUID,
    *,
    unless: str,
    using: str,
    **columns: str | int | datetime | None,
) -> bool:
    """Take the claim off an event, and write other columns with it, if it still has it; tell whether it had.

    `unless` is a status that must not be overwritten.
    """
    connection = connections[using]
    wanted = {"pk": pk, "claim": claim, "status": unless}
    fields = [_field(model, name) for name in (*columns, *wanted)]
    values = zip(fields, (*columns.values(), *wanted.values()), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            _update(model, tuple(columns), using),
            [field.get_db_prep_save(value, connection) for field, value in values],
        )
        return bool(cursor.rowcount == 1)


def _insert(row: models.Model, statement: str, values: Iterable[Any], using: str) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, list(values))
        if statement.endswith("RETURNING id"):
            [pk] = cursor.fetchone() or [None]
        else:
            pk = cursor.lastrowid if cursor.rowcount == 1 else None
    if pk is not None:
        row.pk, row._state.adding, row._state.db = pk, False, using
    return pk is not None


def _values(row: models.Model, using: str) -> dict[str, Any]:
    """Return column → value; a column that is left out is NULL in the database, too, and costs nothing then."""
    connection = connections[using]
    return {
        column: field.get_db_prep_save(value, connection)
        for field, column, name in _fields(type(row))
        if (value := getattr(row, name)) is not None
    }


@cache
def _fields(model: type[models.Model]) -> list[tuple[models.Field[Any, Any], str, str]]:
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    return [(field, str(field.column), field.attname) for field in fields]


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    found: models.Field[Any, Any] = model._meta.pk if name == "pk" else model._meta.get_field(name)  # type: ignore[assignment]  # ours
    return found


@cache
def _insert_new(model: type[models.Model], columns: tuple[str, ...], unique: str, using: str) -> tuple[str, str]:
    """Return the look beforehand, empty where none is needed, and the INSERT."""
    quote, insert = connections[using].ops.quote_name, _plain_insert(model, columns, using)
    if connections[using].vendor == "mysql":
        # It has no such clause: ON DUPLICATE KEY UPDATE waits for whoever has locked the row, such as a receiver.
        look = f"SELECT 1 FROM {quote(model._meta.db_table)} WHERE {quote(unique)} = _binary %s"  # noqa: S608  # our own names
        return look, insert
    return "", insert + f" ON CONFLICT ({quote(unique)}) DO NOTHING" + _returning(using)


@cache
def _plain_insert(model: type[models.Model], columns: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    # As Django's own: to MySQL's driver, bytes are text unless it is told otherwise.
    binary = "_binary %s" if connections[using].vendor == "mysql" else "%s"
    kinds = {column: field for field, column, _name in _fields(model)}
    marks = ", ".join(binary if isinstance(kinds[column], models.BinaryField) else "%s" for column in columns)
    names = ", ".join(map(quote, columns))
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"  # noqa: S608  # our own names


def _returning(using: str) -> str:
    return " RETURNING id" if connections[using].vendor == "postgresql" else ""


@cache
def _update(model: type[models.Model], columns: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    names = {name: quote(str(_field(model, name).column)) for name in (*columns, "pk", "claim", "status")}
    written = ", ".join(f"{names[name]} = %s" for name in columns)
    held = f"{names['pk']} = %s AND {names['claim']} = %s AND {names['status']} <> %s"
    return f"UPDATE {quote(model._meta.db_table)} SET {names['claim']} = NULL, {written} WHERE {held}"  # noqa: S608  # our own names
