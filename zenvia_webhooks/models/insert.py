"""Insert a row unless the table has it already, and learn which of the two happened.

By hand, as no method of the ORM does this: `create()` finds a repetition by a failed INSERT, which leaves the whole
statement in PostgreSQL's log and a dead row in its table; `bulk_create(ignore_conflicts=True)` does not tell whether it
inserted; and `INSERT IGNORE` cuts off what is too long.
"""

from __future__ import annotations

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
    fields, look, insert = _statements(model, unique, using)
    values = {field.column: field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields}
    if look:
        with connection.cursor() as cursor:
            cursor.execute(look, [values[unique]])
            if cursor.fetchone():
                return False
    with connection.cursor() as cursor:
        cursor.execute(insert, list(values.values()))
        if insert.endswith("RETURNING id"):
            [pk] = cursor.fetchone() or [None]
        else:
            pk = cursor.lastrowid if cursor.rowcount == 1 else None
    if pk is None:
        return False
    if not connection.in_atomic_block:
        # It is committed already, unless somebody's own BEGIN on a kept connection was never ended. The drivers of
        # PostgreSQL and SQLite know whether it was, and ask nobody then.
        with connection.wrap_database_errors:
            connection.connection.commit()
    row.pk, row._state.adding, row._state.db = pk, False, using
    post_save.send(sender=model, instance=row, created=True, raw=False, using=using, update_fields=None)
    return True


@cache
def _statements(model: type[models.Model], unique: str, using: str) -> tuple[list[models.Field[Any, Any]], str, str]:
    """Return the fields that are written, the look beforehand, empty where none is needed, and the INSERT."""
    fields = [field for field in model._meta.local_concrete_fields if not field.primary_key]
    connection = connections[using]
    vendor = connection.vendor
    names = {"table": model._meta.db_table, "unique": unique}
    quoted = {key: connection.ops.quote_name(name) for key, name in names.items()}
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]
    # As Django's own: to MySQL's driver, bytes are text unless it is told otherwise.
    binary = "_binary %s" if vendor == "mysql" else "%s"
    marks = [binary if isinstance(field, models.BinaryField) else "%s" for field in fields]
    insert = "INSERT INTO {table} ({columns}) VALUES ({marks})"
    insert = insert.format(columns=", ".join(columns), marks=", ".join(marks), **quoted)
    if vendor == "mysql":
        # It has no such clause: ON DUPLICATE KEY UPDATE waits for whoever has locked the row, such as a receiver.
        return fields, "SELECT 1 FROM {table} WHERE {unique} = _binary %s".format(**quoted), insert  # noqa: S608  # our own names
    insert += " ON CONFLICT ({unique}) DO NOTHING".format(**quoted)
    return fields, "", insert + (" RETURNING id" if vendor == "postgresql" else "")
