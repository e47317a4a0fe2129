"""What the database, and what stands before it, must be like."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own names
from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.character_sets import character_set, is_complete

#: Database → options that only another's driver takes.
KNOWN_ELSEWHERE = {
    "postgresql": frozenset({"charset", "init_command", "sql_mode", "timeout", "transaction_mode"}),
    "mysql": frozenset({"pool", "sslmode", "timeout", "transaction_mode"}),
    "sqlite": frozenset({"charset", "connect_timeout", "pool", "sql_mode", "sslmode"}),
}

APP = Event._meta.app_label


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """Report a database that commits nothing by itself, options of another, and SQLite's deferred transactions."""
    connection = connections[router.db_for_write(Event)]
    if not connection.settings_dict.get("AUTOCOMMIT", True):
        return [
            Error(
                _("DATABASES[%(alias)r]['AUTOCOMMIT'] is False: no event can be stored.") % {"alias": connection.alias},
                hint=_("Leave it out; Django's transactions need it."),
                id="zenvia_webhooks.E005",
            )
        ]
    if foreign := _foreign_options(connection):
        return [
            Error(
                _(
                    "DATABASES[%(alias)r]['OPTIONS'] has %(options)s, which %(database)s does not know: no connection "
                    "can be made."
                )
                % {"alias": connection.alias, "options": foreign, "database": connection.display_name},
                hint=_("Take it out: it is another database's."),
                id="zenvia_webhooks.E009",
            )
        ]
    mode = str(connection.settings_dict.get("OPTIONS", {}).get("transaction_mode") or "")
    if connection.vendor != "sqlite" or mode.upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        Warning(
            _("SQLite's transactions are deferred: with several writers, many fail with 'database is locked'."),
            hint=_("Set DATABASES[%(alias)r]['OPTIONS'] = {'transaction_mode': 'IMMEDIATE'}.")
            % {"alias": connection.alias},
            id="zenvia_webhooks.W010",
        )
    ]


def _foreign_options(connection: BaseDatabaseWrapper) -> str:
    """Return the options that stayed when a site moved to another database; empty for none."""
    known = KNOWN_ELSEWHERE.get(connection.vendor, frozenset())
    return ", ".join(repr(name) for name in connection.settings_dict.get("OPTIONS", {}) if name in known)


def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Report settings that move our clock: it is the database's, in UTC, and so must be what the columns hold."""
    found: list[CheckMessage] = []
    if not settings.USE_TZ:
        found.append(
            Error(
                _("USE_TZ is False: no event can be stored."), hint=_("Set USE_TZ = True."), id="zenvia_webhooks.E004"
            )
        )
    # Columns without a time zone are read and written in the connection's, which USE_TZ makes UTC unless it is set.
    for alias in dict.fromkeys([router.db_for_write(Event), router.db_for_read(Event)]):
        zone, columns = connections[alias].settings_dict.get("TIME_ZONE"), connections[alias].features
        if zone not in (None, "UTC", "Etc/UTC") and not columns.supports_timezones:
            found.append(
                Error(
                    _("DATABASES[%(alias)r]['TIME_ZONE'] is %(zone)r: our times, which are in UTC, would be off.")
                    % {"alias": alias, "zone": zone},
                    hint=_("Leave it out; if other tables need it, route ours to a database without it."),
                    id="zenvia_webhooks.E006",
                )
            )
    return found


def check_tenants(**kwargs: Any) -> list[CheckMessage]:
    """Report that django-tenants would give each tenant our tables: workers look into the public schema alone."""
    types: dict[str, Any] = getattr(settings, "TENANT_TYPES", None) or {}
    public = getattr(settings, "PUBLIC_SCHEMA_NAME", "public")
    of_tenants = {f"TENANT_TYPES[{name!r}]": type_["APPS"] for name, type_ in types.items() if name != public}
    of_tenants["TENANT_APPS"] = getattr(settings, "TENANT_APPS", None) or []
    return [
        Error(
            _(
                "%(where)s holds zenvia_webhooks: each tenant would have events of its own, and no worker would find "
                "them."
            )
            % {"where": where},
            hint=_('List it in the public schema\'s apps (SHARED_APPS) only; see "django-tenants" in the README.'),
            id="zenvia_webhooks.E007",
        )
        for where, apps in of_tenants.items()
        if any(app.split(".")[0] == "zenvia_webhooks" for app in apps)
    ]


def check_asgi(**kwargs: Any) -> list[CheckMessage]:
    """Report connections that are kept under ASGI, where each request has a thread of its own that leaves one behind.

    A site without `ASGI_APPLICATION` may be served by ASGI all the same: only its server's command line says so.
    """
    connection = connections[router.db_for_write(Event)]
    if not getattr(settings, "ASGI_APPLICATION", None) or connection.settings_dict.get("CONN_MAX_AGE") == 0:
        return []
    return [
        Warning(
            _(
                "DATABASES[%(alias)r]['CONN_MAX_AGE'] keeps connections, and the site has an ASGI_APPLICATION: under "
                "ASGI they pile up until the database takes no more, and webhooks are answered 503."
            )
            % {"alias": connection.alias},
            hint=_(
                "Set it to 0, and use a pool: OPTIONS['pool'] of PostgreSQL, or PgBouncer. Silence this where "
                "webhooks are served by WSGI."
            ),
            id="zenvia_webhooks.W015",
        )
    ]


def check_caches(**kwargs: Any) -> list[CheckMessage]:
    """Report a cache of the ORM that answers what must come from the database."""
    found: list[CheckMessage] = []
    if apps.is_installed("cachalot") and APP not in getattr(settings, "CACHALOT_UNCACHABLE_APPS", ()):
        found.append(
            Warning(
                _("django-cachalot caches our tables, which change with every event."),
                hint=_("Add %(app)r to CACHALOT_UNCACHABLE_APPS.") % {"app": APP},
                id="zenvia_webhooks.W013",
            )
        )
    profiles: dict[str, Any] = getattr(settings, "CACHEOPS", None) or {}
    if apps.is_installed("cacheops") and (name := _profile(profiles)):
        found.append(
            Error(
                _(
                    "CACHEOPS[%(name)r] caches our tables, and an update of many rows does not empty its cache: "
                    "workers would not find their events."
                )
                % {"name": name},
                hint=_("Set CACHEOPS['%(app)s.*'] = None.") % {"app": APP},
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
            _(
                "The database %(alias)r has the character set %(name)s: what it lacks, such as an emoji in a lead's "
                "name, is stored in ASCII, as in %(escape)s. An event's body keeps the exact bytes."
            )
            % {"alias": alias, "name": name, "escape": "\\U0001f600"},
            hint=_(
                "Convert the database to UTF8 (PostgreSQL), or its tables and OPTIONS['charset'] to utf8mb4 (MariaDB, "
                "MySQL)."
            ),
            id="zenvia_webhooks.W012",
        )
    ]
