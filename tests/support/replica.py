"""An empty replica, to which Django's router sends every read that names no database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

from zenvia_webhooks.models import Event

ALIAS = "empty_replica"


class Router:
    """The router of Django's documentation, for our models alone: no test needs its users and sessions elsewhere."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == Event._meta.app_label else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *objects: Model, **hints: Any) -> bool:
        return True


@contextmanager
def empty_replica(settings: Any) -> Iterator[None]:
    """Have an empty database that is never filled, as one is that lags far behind."""
    like = connections.settings[DEFAULT_DB_ALIAS]
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}}
    connections.settings[ALIAS] = {**like, **sqlite}
    replica = connections[ALIAS]
    # Without a look at what databases the test has declared: it has no other way to name one that is made here.
    replica.connect()
    try:
        with replica.schema_editor() as editor:
            for model in apps.get_app_config(Event._meta.app_label).get_models():
                editor.create_model(model)
        settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
        yield
    finally:
        settings.DATABASE_ROUTERS = []
        replica.connection.close()  # Django leaves one in memory open
        del connections[ALIAS]
        del connections.settings[ALIAS]
