"""Columns and indexes that differ between databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from django.core.checks import CheckMessage
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zenvia_webhooks.models.character_sets import character_set, is_complete, writable


class BytesField(models.BinaryField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A BinaryField whose value is `bytes` on every database: on PostgreSQL, Django's is a memoryview."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)


class DigestField(BytesField):
    """A BytesField of exactly `max_length` bytes, which every database can index."""

    def db_type(self, connection: Any) -> str | None:
        # MariaDB and MySQL: Django's is a LONGBLOB, which has no index.
        return f"binary({self.max_length})" if connection.vendor == "mysql" else super().db_type(connection)


class _SafeText:
    """What is put before one of Django's text fields: it writes in ASCII what the column can't hold.

    An error's text or a name of Zenvia's must not make a write fail, nor be cut off where the server only warns.
    """

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = super().get_db_prep_value(value, connection, prepared)  # type: ignore[misc]  # Django's field
        if not isinstance(value, str) or value.isascii():
            return value
        field = cast("models.Field[Any, Any]", self)
        return writable(value, _character_set(field, connection))[: field.max_length]


class SafeCharField(_SafeText, models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A CharField that any text can be written to."""


class SafeTextField(_SafeText, models.TextField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A TextField that any text can be written to."""


class SafeJSONField(models.JSONField):
    """A JSONField that any text can be written to.

    MariaDB's and MySQL's columns of this kind hold every character, whatever their tables do; PostgreSQL's only those
    of the database. Characters that it lacks are then read back as they were written, in ASCII.
    """

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        name = _character_set(self, connection) if connection.vendor == "postgresql" else "utf8"
        if name == "utf8" or hasattr(value, "as_sql"):
            return super().get_db_prep_value(value, connection, prepared)
        if not is_complete(name):
            value = _mapped(value, lambda text: writable(text, name))
        # As characters, not as escapes, which PostgreSQL refuses if it can't convert them.
        return connection.ops.adapt_json_value(value, _Unescaped)


def _character_set(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> str:
    return character_set(connection, field.model._meta.db_table, str(field.column))


class _Unescaped(json.JSONEncoder):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "ensure_ascii": False})


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value


class StoredField(models.GeneratedField):
    """A GeneratedField of which nothing is asked of the database at each `manage.py check`.

    Django 6 would connect to PostgreSQL, to see whether it can have a column that is not stored.
    """

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return super().check(**{**kwargs, "databases": None})


class SparseIndex(models.Index):
    """An index of the few rows that have a value in the column `of`, or one of `values`.

    PostgreSQL and SQLite index those rows alone, however many are stored. MariaDB and MySQL have no partial indexes,
    and Django would warn there at each `migrate`: an index of all rows takes its place, of `fields` if `of` is among
    them, else of `of`.
    """

    def __init__(self, *, of: str, values: Sequence[str] = (), **kwargs: Any) -> None:
        self.of, self.values = of, tuple(map(str, values))
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        path, arguments, kwargs = super().deconstruct()
        return path, arguments, {**kwargs, "of": self.of, **({"values": self.values} if self.values else {})}

    def create_sql(
        self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, *args: Any, **kwargs: Any
    ) -> Any:
        if schema_editor.connection.features.supports_partial_indexes:
            few = {f"{self.of}__in": self.values} if self.values else {f"{self.of}__isnull": False}
            condition = models.Q(**few)
            index = models.Index(fields=self.fields, name=self.name, condition=condition)
        else:
            index = models.Index(fields=self.fields if self.of in self.fields else [self.of], name=self.name)
        return index.create_sql(model, schema_editor, *args, **kwargs)
