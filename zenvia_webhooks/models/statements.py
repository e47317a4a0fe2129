"""The statements that each event takes, written by hand: its INSERT, its delivery's, its claim and the end of that.

The first as no method of the ORM does it: `create()` finds a repetition by a failed INSERT, which leaves the whole
statement in PostgreSQL's log and a dead row in its table; `bulk_create(ignore_conflicts=True)` does not tell whether it
inserted; and `INSERT IGNORE` cuts off what is too long. The others because the ORM builds the same text anew each time,
which takes longer than to run it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict
from django.db.models.signals import post_save, pre_save

M = TypeVar("M", bound=models.Model)
#: A position among the values of a row, what makes the model's value of the driver's, and the column.
Converter = tuple[int, Callable[..., Any], Any]


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
    _insert_and_tell(row, using)


def insert_missing(
    model: type[models.Model], names: tuple[str, ...], rows: Sequence[tuple[Any, ...]], *, using: str
) -> None:
    """Insert those of these rows, the values of the columns `names`, that are not there yet; send no signals."""
    connection = connections[using]
    fields = [_field(model, name) for name in names]
    columns = [
        [field.get_db_prep_save(value, connection) for value in column]
        for field, column in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # An array for each column: a mark for each value would take the driver longer to read than the rest takes.
            cursor.execute(_insert_arrays(model, names, using), columns)
            return
        columns_of = _columns(model, names)
        insert = f"{_into(model, columns_of, using, OnConflict.IGNORE)} VALUES "
        marks = _marks(model, columns_of, using)
        prepared = list(zip(*columns, strict=True))
        at_once = connection.ops.bulk_batch_size(fields, prepared)
        for start in range(0, len(rows), at_once):
            batch = prepared[start : start + at_once]
            cursor.execute(insert + ", ".join([marks] * len(batch)), [value for row in batch for value in row])


def begin_claim(
    model: type[models.Model], pks: Sequence[int], claim: uuid.UUID, until: datetime, *, using: str
) -> None:
    """Write a claim, and the end of its lease, on the events of these ids."""
    connection = connections[using]
    fields = (_field(model, "claim"), _field(model, "next_attempt_at"))
    values = [field.get_db_prep_save(value, connection) for field, value in zip(fields, (claim, until), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_begin_claim(model, using).format(", ".join(["%s"] * len(pks))), [*values, *pks])


def end_claim(
    model: type[models.Model],
    pk: int,
    claim: uuid.UUID,
    columns: Mapping[str, str | int | datetime | None],
    *,
    unless: str,
    using: str,
    then: models.Model | None = None,
) -> bool:
    """Take the claim off an event, and write these columns with it, if it still has it; tell whether it had.

    `unless` is a status that must not be overwritten. The row `then` is inserted with it, if it had, as by `insert()`;
    on PostgreSQL, `pre_save` is sent before it is known whether it had.
    """
    connection = connections[using]
    wanted = {"pk": pk, "claim": claim, "status": unless}
    fields = [_field(model, name) for name in (*columns, *wanted)]
    given = zip(fields, (*columns.values(), *wanted.values()), strict=True)
    values = [field.get_db_prep_save(value, connection) for field, value in given]
    update = _update(model, tuple(columns), using)
    if then is not None and connection.vendor == "postgresql":
        # In one statement, as each way to the database and back takes time.
        return _insert_and_tell(then, using, (update, values))
    with connection.cursor() as cursor:
        cursor.execute(update, values)
        has_ended = bool(cursor.rowcount == 1)
    if has_ended and then is not None:
        insert(then, using=using)
    return has_ended


def _insert_and_tell(row: models.Model, using: str, update: tuple[str, list[Any]] | None = None) -> bool:
    """Insert a row; with `update`, on PostgreSQL alone, only if that changes a row. Tell whether it was inserted."""
    model = type(row)
    pre_save.send(sender=model, instance=row, raw=False, using=using, update_fields=None)
    own = _values(row, using)
    into, marks = _into(model, tuple(own), using), _marks(model, tuple(own), using)
    insert, values = f"{into} VALUES {marks}", [*own.values()]
    if update:
        insert = f"WITH updated AS ({update[0]} RETURNING 1) {into} SELECT {marks[1:-1]} FROM updated"  # noqa: S608  # our own names
        values = update[1] + values
    if not _insert(row, insert + _returning(using), values, using):
        return False
    post_save.send(sender=model, instance=row, created=True, raw=False, using=using, update_fields=None)
    return True


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
    """Return column → value, without those that the database writes by itself: NULL, or the column's default."""
    connection = connections[using]
    return {
        column: field.get_db_prep_save(value, connection)
        for field, column, name in _fields(type(row))
        if (value := getattr(row, name)) is not None and value != field.db_default
    }


@cache
def _fields(model: type[models.Model]) -> list[tuple[models.Field[Any, Any], str, str]]:
    fields = [field for field in model._meta.local_concrete_fields if not (field.primary_key or field.generated)]
    return [(field, str(field.column), field.attname) for field in fields]


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    found: models.Field[Any, Any] = model._meta.pk if name == "pk" else model._meta.get_field(name)  # type: ignore[assignment]  # ours
    return found


@cache
def _insert_new(model: type[models.Model], columns: tuple[str, ...], unique: str, using: str) -> tuple[str, str]:
    """Return the look beforehand, empty where none is needed, and the INSERT."""
    quote = connections[using].ops.quote_name
    insert = f"{_into(model, columns, using)} VALUES {_marks(model, columns, using)}"
    if connections[using].vendor == "mysql":
        # It has no such clause: ON DUPLICATE KEY UPDATE waits for whoever has locked the row, such as a receiver.
        look = f"SELECT 1 FROM {quote(model._meta.db_table)} WHERE {quote(unique)} = _binary %s"  # noqa: S608  # our own names
        return look, insert
    return "", insert + f" ON CONFLICT ({quote(unique)}) DO NOTHING" + _returning(using)


@cache
def _insert_arrays(model: type[models.Model], names: tuple[str, ...], using: str) -> str:
    # Without lengths: a cast would cut off what is too long.
    kinds = [str(_field(model, name).db_type(connections[using])).partition("(")[0] for name in names]
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    into = _into(model, _columns(model, names), using)
    return f"{into} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608  # our own names


def _columns(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(_field(model, name).column) for name in names)


@cache
def _into(
    model: type[models.Model], columns: tuple[str, ...], using: str, on_conflict: OnConflict | None = None
) -> str:
    operations = connections[using].ops
    names = ", ".join(map(operations.quote_name, columns))
    return f"{operations.insert_statement(on_conflict)} {operations.quote_name(model._meta.db_table)} ({names})"


@cache
def _marks(model: type[models.Model], columns: tuple[str, ...], using: str) -> str:
    # As Django's own: to MySQL's driver, bytes are text unless it is told otherwise.
    binary = "_binary %s" if connections[using].vendor == "mysql" else "%s"
    kinds = {column: field for field, column, _name in _fields(model)}
    marks = ", ".join(binary if isinstance(kinds[column], models.BinaryField) else "%s" for column in columns)
    return f"({marks})"


def _returning(using: str) -> str:
    return " RETURNING id" if connections[using].vendor == "postgresql" else ""


def reader(model: type[M], names: Sequence[str], using: str) -> Callable[[Iterable[Any]], M]:
    """Return what makes an instance, with these fields, of the values that the database's driver has read."""
    converters = _all_converters(model, tuple(names), using)
    return lambda values: model.from_db(using, names, _converted(values, converters, using))


def value(model: type[models.Model], name: str, read: Any, using: str) -> Any:
    """Return a field's value as the model has it, of what the database's driver has read."""
    return _converted([read], _all_converters(model, (name,), using), using)[0]


def _converted(values: Iterable[Any], converters: Iterable[Converter], using: str) -> list[Any]:
    converted, connection = list(values), connections[using]
    for position, convert, column in converters:
        converted[position] = convert(converted[position], column, connection)
    return converted


def _all_converters(model: type[models.Model], names: tuple[str, ...], using: str) -> list[Converter]:
    connection = connections[using]
    return [
        (position, convert, column)
        for position, column in _unlike_the_drivers(model, names, using)
        for convert in _converters(column, connection)
    ]


@cache
def _unlike_the_drivers(model: type[models.Model], names: tuple[str, ...], using: str) -> list[tuple[int, Any]]:
    """Return the columns whose values a driver does not give as the model has them, and their positions."""
    columns = [_field(model, name).get_col(model._meta.db_table) for name in names]
    return [(position, one) for position, one in enumerate(columns) if _converters(one, connections[using])]


def _converters(column: Any, connection: BaseDatabaseWrapper) -> list[Callable[..., Any]]:
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]


@cache
def _begin_claim(model: type[models.Model], using: str) -> str:
    quote = connections[using].ops.quote_name
    pk, claim, until = (quote(str(_field(model, name).column)) for name in ("pk", "claim", "next_attempt_at"))
    return f"UPDATE {quote(model._meta.db_table)} SET {claim} = %s, {until} = %s WHERE {pk} IN ({{}})"  # noqa: S608  # our own names


@cache
def _update(model: type[models.Model], columns: tuple[str, ...], using: str) -> str:
    quote = connections[using].ops.quote_name
    names = {name: quote(str(_field(model, name).column)) for name in (*columns, "pk", "claim", "status")}
    written = ", ".join(f"{names[name]} = %s" for name in columns)
    held = f"{names['pk']} = %s AND {names['claim']} = %s AND {names['status']} <> %s"
    return f"UPDATE {quote(model._meta.db_table)} SET {names['claim']} = NULL, {written} WHERE {held}"  # noqa: S608  # our own names
