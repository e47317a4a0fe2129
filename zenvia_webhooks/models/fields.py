"""Where databases differ in what a column or an index is."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class BytesField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A BinaryField whose value is `bytes` on every database: on PostgreSQL, Django's is a memoryview."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)


class SparseIndex(models.Index):
    """An index of the rows that have a value in `of`, which few have.

    Partial on PostgreSQL and SQLite, so that it holds those rows alone, however many are stored. MariaDB and MySQL
    have no partial indexes, and Django would leave one with a `condition` out there: a plain one on `of` takes its
    place, where the others are at one end.
    """

    def __init__(self, *, of: str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        path, arguments, kwargs = super().deconstruct()
        return path, arguments, {**kwargs, "of": self.of}

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, *args: Any, **kwargs: Any
    ) -> Any:
        if schema_editor.connection.features.supports_partial_indexes:
            condition = models.Q(**{f"{self.of}__isnull": False})
            index = models.Index(fields=self.fields, name=self.name, condition=condition)
        else:
            index = models.Index(fields=[self.of], name=self.name)
        return index.create_sql(model, schema_editor, *args, **kwargs)
