"""Where databases differ in what a column or an index is."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class BytesField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A BinaryField whose value is `bytes` on every database: on PostgreSQL, Django's is a memoryview."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)


class DueIndex(models.Index):
    """An index of the rows that have a value in its one field.

    Partial on PostgreSQL and SQLite, so that it holds the open rows alone, however many are stored. MariaDB and MySQL
    have no partial indexes, and Django would leave one with a `condition` out there: a plain one takes its place.
    """

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, *args: Any, **kwargs: Any
    ) -> Any:
        index = models.Index(fields=self.fields, name=self.name)
        if schema_editor.connection.features.supports_partial_indexes:
            index.condition = models.Q(**{f"{self.fields[0]}__isnull": False})
        return index.create_sql(model, schema_editor, *args, **kwargs)
