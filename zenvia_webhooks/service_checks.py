"""System checks of what this app runs on: the database's character set, caches of queries, Celery's apps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own names
from django.db import Error as DatabaseError
from django.db import connections, router

from zenvia_webhooks import broker
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.character_sets import character_set, is_complete

APP = Event._meta.app_label


def check_character_set(databases: Collection[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report a database that can't hold every character; asked only where Django lets checks use the database."""
    alias = router.db_for_write(Event)
    if not databases or alias not in databases:
        return []
    column = Delivery._meta.get_field("error").column
    try:
        name = character_set(connections[alias], Delivery._meta.db_table, str(column))
    except DatabaseError:
        return []  # who can't reach it will hear of it
    if is_complete(name):
        return []
    return [
        Warning(
            f"The database {alias!r} has the character set {name}: what it lacks, such as an emoji in a lead's name, "
            "is stored in ASCII, as in \\U0001f600. An event's body keeps the exact bytes.",
            hint="Convert the database to UTF8 (PostgreSQL), or its tables and OPTIONS['charset'] to utf8mb4 (MariaDB, "
            "MySQL).",
            id="zenvia_webhooks.W012",
        )
    ]


def check_caches(**kwargs: Any) -> list[CheckMessage]:
    """Report a cache of the ORM that answers what must come from the database."""
    found: list[CheckMessage] = []
    if apps.is_installed("cachalot") and APP not in getattr(settings, "CACHALOT_UNCACHABLE_APPS", ()):
        found.append(
            Warning(
                "django-cachalot caches our tables, which change with every event.",
                hint=f"Add {APP!r} to CACHALOT_UNCACHABLE_APPS.",
                id="zenvia_webhooks.W013",
            )
        )
    profiles: dict[str, Any] = getattr(settings, "CACHEOPS", None) or {}
    if apps.is_installed("cacheops") and (name := _profile(profiles)):
        found.append(
            Error(
                f"CACHEOPS[{name!r}] caches our tables, and an update of many rows does not empty its cache: workers "
                "would not find their events.",
                hint=f"Set CACHEOPS['{APP}.*'] = None.",
                id="zenvia_webhooks.E008",
            )
        )
    return found


def _profile(profiles: dict[str, Any]) -> str:
    """Return the pattern under which django-cacheops caches events by itself; empty for none."""
    defaults = getattr(settings, "CACHEOPS_DEFAULTS", None) or {}
    # As it looks itself: the model's own, then the app's, then everybody's.
    for pattern in (f"{APP}.event", f"{APP}.*", "*.*"):
        for name, profile in profiles.items():
            if name.lower() == pattern:
                return name if profile is not None and {**defaults, **profile}.get("ops") else ""
    return ""


def check_celery_apps(**kwargs: Any) -> list[CheckMessage]:
    """Report that it can't be told which of several Celery apps is the project's."""
    if broker.is_certain():
        return []
    names = ", ".join(repr(app.main) for app in broker.apps())
    return [
        Warning(
            f"Several Celery apps are loaded in this process ({names}): hints may go to another broker than the "
            "project's, and events then wait for the sweep.",
            hint="Make the project's app in a module celery.py beside the settings, and import it in the __init__.py "
            "there, as Celery's guide for Django says.",
            id="zenvia_webhooks.W014",
        )
    ]


SERVICE_CHECKS: tuple[Callable[..., list[CheckMessage]], ...] = (check_caches, check_celery_apps)
DATABASE_CHECKS: tuple[Callable[..., list[CheckMessage]], ...] = (check_character_set,)
