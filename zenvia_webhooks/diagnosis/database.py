"""Whether the database answers and has our tables."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from django.db import Error, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from zenvia_webhooks import checks
from zenvia_webhooks.diagnosis.findings import Area, Finding, Severity, broken, ok, warning
from zenvia_webhooks.diagnosis.settings import said
from zenvia_webhooks.models import Event

logger = logging.getLogger(__name__)

AREA = Area.DATABASE
#: Seconds that the database has for its first word.
SECONDS = 5
#: The level of isolation at which of two transactions that meet the second waits for the first, and then goes on.
READ_COMMITTED = "read committed"


def check_database() -> Iterator[Finding]:
    """Look at the database in which events are stored, and at this app's migrations there."""
    alias = router.db_for_write(Event)
    connection = connections[alias]
    of_settings = list(said(AREA, checks.check_database))
    if any(finding.severity == Severity.BROKEN for finding in of_settings):
        yield from of_settings
        return
    if not _says_a_word(alias):
        yield broken(
            AREA,
            "no-database",
            _("The database %(alias)r has not answered within %(seconds)d s.") % {"alias": alias, "seconds": SECONDS},
            _("Start it, or put DATABASES right; until then no webhook is answered and nothing is stored."),
        )
        return
    try:
        connection.ensure_connection()
        found = [*of_settings, *_migrations(connection), *_isolation_level(connection)]
    except Error as error:
        # The kind of the error alone: its text may hold user and password.
        yield broken(
            AREA,
            "no-database",
            _("The database %(alias)r can't be used: %(error)s.") % {"alias": alias, "error": type(error).__name__},
            _("Start it, or put DATABASES right; until then Zenvia is answered 503 and nothing is stored."),
        )
        return
    found += said(AREA, lambda: checks.check_character_set(databases=[alias]))
    yield from found or [
        ok(AREA, _("The database (%(vendor)s) answers, and has every migration.") % {"vendor": connection.vendor})
    ]


def _migrations(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    ours = [node for node in executor.loader.graph.leaf_nodes() if node[0] == Event._meta.app_label]
    if unapplied := [migration.name for migration, _back in executor.migration_plan(ours)]:
        yield broken(
            AREA,
            "unapplied-migration",
            _("Migrations are not applied: %(names)s.") % {"names": ", ".join(unapplied)},
            _("Run: manage.py migrate --database %(alias)s") % {"alias": connection.alias},
        )


def _isolation_level(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    if (level := _isolation(connection)) in (None, READ_COMMITTED):
        return
    yield warning(
        AREA,
        "isolation-level",
        _(
            "Transactions in the database %(alias)r are '%(level)s': PostgreSQL fails one of two that change the "
            "same row, so Zenvia is answered 503 now and then, and events wait for a sweep."
        )
        % {"alias": connection.alias, "level": level},
        _("Leave out 'isolation_level' in DATABASES, and set default_transaction_isolation to 'read committed'."),
    )


def _isolation(connection: BaseDatabaseWrapper) -> str | None:
    """Return the isolation level of our transactions on PostgreSQL; None elsewhere, where any level will do."""
    if connection.vendor != "postgresql":
        return None
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        return str(cursor.fetchone()[0])


def _says_a_word(alias: str) -> bool:
    """Tell whether the database takes or refuses a new connection in time; without a limit, a driver waits for ever."""
    said = threading.Event()

    def connect() -> None:
        connection = connections[alias]  # this thread's own
        try:
            connection.ensure_connection()
        except Exception as error:  # noqa: BLE001  # whichever: who asks next sees it, too
            logger.debug("no connection to the database %r: %s", alias, type(error).__name__)
        finally:
            said.set()
            connection.close()

    # It is left to itself when the time is over.
    threading.Thread(target=connect, name="zenvia-database", daemon=True).start()
    return said.wait(SECONDS)
