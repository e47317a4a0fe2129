"""System checks: what a host project has still to do, or has done wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own names
from django.db import connections, router
from django.http.request import validate_host

from zenvia_webhooks import signals, wakeup
from zenvia_webhooks.broker import project_app
from zenvia_webhooks.callback import webhook_path
from zenvia_webhooks.conf import KEYS, conf
from zenvia_webhooks.contracts import current_address
from zenvia_webhooks.dispatch.lease import SOFT_PART, STARTING_PART
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Event

#: Seconds below which a lease is too short to work under.
SHORT_LEASE = 10


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Report keys that nobody reads and values of a wrong kind."""
    try:
        unknown = conf.unknown_keys()
    except ZenviaConfigurationError as error:
        return [Error(str(error), hint="See the settings in the README.", id="zenvia_webhooks.E001")]
    found: list[CheckMessage] = [
        Error(line, hint="Remove it, or correct its name.", id="zenvia_webhooks.E002") for line in unknown
    ]
    for name in KEYS.values():
        try:
            getattr(conf, name)
        except ZenviaConfigurationError as error:
            found.append(Error(str(error), hint="See the settings in the README.", id="zenvia_webhooks.E003"))
    return found


def check_account(**kwargs: Any) -> list[CheckMessage]:
    """Report that no account, or no key, is there yet, and an address that is there no more."""
    accounts = _read("accounts") or {}
    if not accounts and not _is_broken("accounts"):
        return [
            Warning(
                "ZENVIA_WEBHOOKS['ACCOUNTS'] has no account: nothing can be registered at Zenvia.",
                hint="Add 'ACCOUNTS': {'default': {'API_KEY': ...}}; Zenvia shows you the key.",
                id="zenvia_webhooks.W001",
            )
        ]
    found: list[CheckMessage] = []
    for alias, account in accounts.items():
        where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
        if account.api_key is None:
            found.append(
                Warning(
                    f"The account {alias!r} has no API_KEY: nothing can be registered at Zenvia.",
                    hint=f"Set {where}['API_KEY'], from the environment for example.",
                    id="zenvia_webhooks.W002",
                )
            )
        if current := current_address(urlsplit(account.api_url).hostname or ""):
            found.append(
                Warning(
                    f"{where}['API_URL'] is an address of former days, which no longer exists.",
                    hint=f"Set it to {current!r}, with 'CONTRACT': 'conversion'.",
                    id="zenvia_webhooks.W016",
                )
            )
    return found


def check_callback(**kwargs: Any) -> list[CheckMessage]:
    """Report a callback URL that is not there, or that Zenvia's calls would not get through."""
    try:
        paths = _webhook_paths()
    except ZenviaConfigurationError as error:
        return [
            Warning(
                str(error),
                hint="Until then nothing can be registered at Zenvia.",
                id="zenvia_webhooks.W004",
            )
        ]
    found: list[CheckMessage] = []
    if len(paths) > 1:
        found.append(
            Warning(
                f"The webhook's URL changes with the language: {', '.join(sorted(paths))}.",
                hint="Include zenvia_webhooks.urls outside of i18n_patterns().",
                id="zenvia_webhooks.W005",
            )
        )
    base = _read("callback_base_url")
    if base is None and not _is_broken("callback_base_url"):
        found.append(
            Warning(
                "ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] is not set: nothing can be registered at Zenvia.",
                hint="Set it to the public origin of this site, such as 'https://crm.example.com'.",
                id="zenvia_webhooks.W003",
            )
        )
    host = urlsplit(base or "").hostname
    if host and not validate_host(host, settings.ALLOWED_HOSTS or _DEBUG_HOSTS):
        found.append(
            Warning(
                f"ALLOWED_HOSTS does not allow {host}, the host of CALLBACK_BASE_URL: "
                "Django answers 400 to Zenvia before the webhook sees the call.",
                hint=f"Add {host!r} to ALLOWED_HOSTS.",
                id="zenvia_webhooks.W006",
            )
        )
    return found


def check_lease(**kwargs: Any) -> list[CheckMessage]:
    """Report a lease that leaves receivers next to no time."""
    lease = _read("lease_seconds")
    if lease is None or lease >= SHORT_LEASE:
        return []
    return [
        Warning(
            f"ZENVIA_WEBHOOKS['LEASE_SECONDS'] is {lease:g}: a receiver is interrupted after "
            f"{SOFT_PART * lease:.2g} s, and after {STARTING_PART * lease:.2g} s a worker starts nothing more.",
            hint=f"Set it to twice what your slowest receiver takes, and to no less than {SHORT_LEASE}; 300 is usual.",
            id="zenvia_webhooks.W011",
        )
    ]


def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Report settings that move our clock: it is the database's, in UTC, and so must be what the columns hold."""
    found: list[CheckMessage] = []
    if not settings.USE_TZ:
        found.append(
            Error("USE_TZ is False: no event can be stored.", hint="Set USE_TZ = True.", id="zenvia_webhooks.E004")
        )
    # Columns without a time zone are read and written in the connection's, which USE_TZ makes UTC unless it is set.
    for alias in dict.fromkeys([router.db_for_write(Event), router.db_for_read(Event)]):
        zone, columns = connections[alias].settings_dict.get("TIME_ZONE"), connections[alias].features
        if zone not in (None, "UTC", "Etc/UTC") and not columns.supports_timezones:
            found.append(
                Error(
                    f"DATABASES[{alias!r}]['TIME_ZONE'] is {zone!r}: our times, which are in UTC, would be off.",
                    hint="Leave it out; if other tables need it, route ours to a database without it.",
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
            f"{where} holds zenvia_webhooks: each tenant would have events of its own, and no worker would find them.",
            hint='List it in the public schema\'s apps (SHARED_APPS) only; see "django-tenants" in the README.',
            id="zenvia_webhooks.E007",
        )
        for where, apps in of_tenants.items()
        if any(app.split(".")[0] == "zenvia_webhooks" for app in apps)
    ]


def check_celery(**kwargs: Any) -> list[CheckMessage]:
    """Report that Celery was not set up in this process, or that beat does not sweep."""
    app = project_app()
    if app.main == "default":
        return [
            Warning(
                "No Celery app is loaded in this process: events wait for the sweep instead of going out at once.",
                hint="Import your Celery app in your project's __init__.py, as Celery's guide for Django says.",
                id="zenvia_webhooks.W007",
            )
        ]
    schedule = (app.conf.beat_schedule or {}).values()
    if wakeup.TASK in (entry["task"] if isinstance(entry, dict) else entry.task for entry in schedule):
        return []
    return [
        Warning(
            "Beat has no sweep on its schedule: failed deliveries are not tried again.",
            hint="Merge zenvia_webhooks.schedule.BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE, and run beat. "
            "Silence this where the sweep is in a database of django-celery-beat's alone.",
            id="zenvia_webhooks.W008",
        )
    ]


def check_receivers(**kwargs: Any) -> list[CheckMessage]:
    """Report that nobody listens."""
    if any(signal.connected(Event) for signal in signals.EVENT_SIGNALS):
        return []
    return [
        Warning(
            "No receiver is connected to a signal of zenvia_webhooks: events are stored, and that is all.",
            hint="Connect one, and import its module in the ready() of your AppConfig.",
            id="zenvia_webhooks.W009",
        )
    ]


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """Report a database that commits nothing by itself, and SQLite without immediate transactions."""
    connection = connections[router.db_for_write(Event)]
    if not connection.settings_dict.get("AUTOCOMMIT", True):
        return [
            Error(
                f"DATABASES[{connection.alias!r}]['AUTOCOMMIT'] is False: no event can be stored.",
                hint="Leave it out; Django's transactions need it.",
                id="zenvia_webhooks.E005",
            )
        ]
    mode = str(connection.settings_dict.get("OPTIONS", {}).get("transaction_mode") or "")
    if connection.vendor != "sqlite" or mode.upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        Warning(
            "SQLite's transactions are deferred: with several writers, many fail with 'database is locked'.",
            hint=f"Set DATABASES[{connection.alias!r}]['OPTIONS'] = {{'transaction_mode': 'IMMEDIATE'}}.",
            id="zenvia_webhooks.W010",
        )
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
            f"DATABASES[{connection.alias!r}]['CONN_MAX_AGE'] keeps connections, and the site has an ASGI_APPLICATION: "
            "under ASGI they pile up until the database takes no more, and webhooks are answered 503.",
            hint="Set it to 0, and use a pool: OPTIONS['pool'] of PostgreSQL, or PgBouncer. Silence this where "
            "webhooks are served by WSGI.",
            id="zenvia_webhooks.W015",
        )
    ]


ALL_CHECKS: tuple[Callable[..., list[CheckMessage]], ...] = (
    check_settings,
    check_account,
    check_callback,
    check_lease,
    check_time_zones,
    check_tenants,
    check_celery,
    check_receivers,
    check_database,
    check_asgi,
)

#: What Django allows while DEBUG is on and ALLOWED_HOSTS is empty.
_DEBUG_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


def _webhook_paths() -> set[str]:
    """Return the webhook's path in every language of the site."""

    languages = [code for code, _name in settings.LANGUAGES] if settings.USE_I18N else [settings.LANGUAGE_CODE]
    return {webhook_path("token", language) for language in languages}


def _read(name: str) -> Any:
    try:
        return getattr(conf, name)
    except ZenviaConfigurationError:
        return None


def _is_broken(name: str) -> bool:
    """Tell whether a setting can't be read, which `check_settings` reports."""
    try:
        getattr(conf, name)
    except ZenviaConfigurationError:
        return True
    return False
