"""The project's Celery app, and a connection of our own to its broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from celery import Celery
from celery import _state as celery_state
from celery.app import app_or_default
from celery.app.utils import find_app
from django.conf import settings
from kombu import Connection

#: Its stubs leave out what is read here.
_state: Any = celery_state

#: Seconds for each step of talking to the broker. A silent Redis would hold a publish for over a minute.
BROKER_SECONDS = 1
#: kombu's `driver_type` → options that its transports know. Others are left as they are: some refuse what they don't
#: know.
TRANSPORT_OPTIONS: dict[str, dict[str, Any]] = {
    "redis": {
        "socket_timeout": BROKER_SECONDS,
        "socket_connect_timeout": BROKER_SECONDS,
        "retry_on_timeout": False,
    },
    "amqp": {"read_timeout": BROKER_SECONDS, "write_timeout": BROKER_SECONDS},
}


def project_app() -> Celery:
    """Return the project's Celery app: the same in every thread, whatever other apps the process has.

    Celery's current app is the last one that was made in the calling thread. A thread that made none gets Celery's
    default, which is the last one made anywhere, or an empty one that was made because somebody asked too early.
    """
    current: Celery = app_or_default()
    if is_chosen(current):
        return current
    if (found := _by_convention()) is not None:
        return found
    others = apps()
    return others[0] if len(others) == 1 else current


def is_chosen(app: Any) -> bool:
    """Tell whether somebody made this app the current one by `set_current()`: it did not do so itself."""
    return not app.set_as_current and app is not _state.default_app


def is_certain() -> bool:
    """Tell whether `project_app()` is no guess."""
    return len(apps()) < 2 or is_chosen(app_or_default()) or _by_convention() is not None


def app_name() -> str:
    """Return what to give to `celery -A`: the project's app, or its package where there is no app yet."""
    name = project_app().main
    return project_package() if name in (None, "default") else str(name)


def project_package() -> str:
    """Return the package that holds the project's URLs, such as "mysite"."""
    return str(getattr(settings, "ROOT_URLCONF", "")).rpartition(".")[0] or "mysite"


def apps() -> list[Celery]:
    """Return the process's Celery apps, without the empty one that Celery makes for whoever has none."""
    return sorted((app for app in _state._get_active_apps() if app.main != "default"), key=lambda app: str(app.main))


def _by_convention() -> Celery | None:
    """Return the app that `celery -A` finds in the package of the settings, if that has been imported."""
    for package in _packages():
        try:
            return _app_of(_imported(package))
        except (AttributeError, ImportError):
            continue
    return None


@cache
def _app_of(package: ModuleType) -> Celery:
    """Return the app that a package has.

    Raises AttributeError or ImportError as long as it has none: only what was found is remembered.
    """
    found = find_app(package.__name__, imp=_imported)
    if not isinstance(found, Celery):
        raise AttributeError(package.__name__)
    return found


def _packages() -> Iterator[str]:
    for module in (getattr(settings, "SETTINGS_MODULE", None), getattr(settings, "ROOT_URLCONF", None)):
        package = module if isinstance(module, str) else ""
        while package := package.rpartition(".")[0]:
            yield package


def _imported(name: str, **kwargs: Any) -> ModuleType:
    try:
        return sys.modules[name]
    except KeyError:
        raise ImportError(name) from None


def connect(app: Celery) -> Connection:
    """Return a connection, not opened yet, with time-outs that a thread can wait for.

    If several brokers are named (a list, or separated by ";"), each is tried once.
    """
    plain = app.connection_for_write()
    options = TRANSPORT_OPTIONS.get(plain.get_transport_cls().driver_type)
    if options is None:
        return app.connection_for_write(connect_timeout=BROKER_SECONDS)
    brokers = max(len(plain.alt), 1)
    return app.connection_for_write(
        connect_timeout=BROKER_SECONDS,
        transport_options={
            **options,
            # kombu's own retries, on top of the client library's: without this a refused publish takes seconds.
            "max_retries": brokers - 1,
            "connect_retries_timeout": brokers * BROKER_SECONDS,
        },
    )
