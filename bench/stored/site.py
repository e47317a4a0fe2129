"""What one process does, which serves one of the two databases."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import django

#: Tables that grow with the events stored.
GROWING = ("zenvia_webhooks_event", "zenvia_webhooks_delivery", "zenvia_webhooks_eventkey")
#: Plans of queries that read more are shown.
MOST_ROWS = 25_000
CLIENT: Any = None
PAGES: list[Any] = []


def begin(url: str) -> None:
    """Set the process up: called once, before anything else."""
    os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "bench.stored.settings"}
    django.setup()


def make(rows: int) -> None:
    """Fill the database if it is empty."""
    from django.core.management import call_command

    from bench.stored.fill import fill
    from zenvia_webhooks.models import Event

    call_command("migrate", verbosity=0)
    if not Event.objects.exists():
        fill(rows, lambda text: None)


def prepare() -> list[str]:
    """Log in, and give some filled people their real keys; return the names of the pages."""
    global CLIENT
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    from bench.stored import pages
    from bench.stored.fill import BUSY_PERSON, digest_filled
    from zenvia_webhooks.dispatch import heartbeat
    from zenvia_webhooks.models import EventKey

    user = User.objects.filter(username="reader").first() or User.objects.create_superuser("reader")
    CLIENT = Client()
    CLIENT.force_login(user)
    for person in (pages.PERSON, BUSY_PERSON):
        for reading in pages.readings(person):
            if reading.account == "second":
                continue
            filled = digest_filled(reading.kind, person)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {EventKey._meta.db_table} SET digest = %s WHERE digest = {filled}", [reading.digest]
                )
    heartbeat.write(heartbeat.WORKER, heartbeat.BEAT)
    PAGES[:] = pages.pages()
    return [page.name for page in PAGES]


def visit(number: int) -> float:
    """Ask for a page; return the milliseconds."""
    from zenvia_webhooks.dispatch import heartbeat

    heartbeat.write(heartbeat.WORKER, heartbeat.BEAT)
    began = time.perf_counter()
    PAGES[number].ask(CLIENT)
    return 1000 * (time.perf_counter() - began)


def queries(number: int) -> tuple[int, int, list[str]]:
    """Ask for a page; return how many queries it took, the most rows that one read, and plans that read a table."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as found:
        PAGES[number].ask(CLIENT)
    most, bad = 0, []
    if connection.vendor == "postgresql":
        for query in found.captured_queries:
            sql = query["sql"]
            if sql.startswith("SELECT") and any(table in sql for table in GROWING):
                rows, scans = _rows_read(sql)
                most = max(most, rows)
                if scans or rows > MOST_ROWS:
                    bad.append(f"{rows} rows, {scans}: {sql}")
    return len(found), most, bad


def _rows_read(sql: str) -> tuple[int, list[str]]:
    """Run a query; return how many rows its scans read, and the growing tables that it read whole."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql.replace("%", "%%"), [])
        [plan] = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    rows, scans = 0, []
    for node in _nodes(plan[0]["Plan"]):
        if "Scan" in node["Node Type"]:
            removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
            rows += int((node["Actual Rows"] + removed) * node["Actual Loops"])
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING:
                scans.append(node["Relation Name"])
    return rows, scans


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
