"""Many events on PostgreSQL, written by SQL, and how many rows each query on them reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support.factories import make_event
from zenvia_webhooks.admin import event_filters, replay, subscription_columns
from zenvia_webhooks.admin.dashboard import figures
from zenvia_webhooks.diagnosis import recent, standing
from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.people import keys
from zenvia_webhooks.replay import job, selection

EVENTS = 20_000
#: The most rows that one query may read: what is asked for, the bounds below, and some more.
MOST_ROWS = EVENTS // 20
#: The most queries of a page.
MOST_QUERIES = 40
#: Few of them need somebody; one in a thousand has a topic of its own. The oldest fifth has a topic, an account and a
#: failing receiver that came no more: a common value, and yet none for a long time.
FILL = f"""
INSERT INTO {Event._meta.db_table} (account, contract, topic, payload, body, headers, fingerprint, status,
    received_at, finished_at, duplicates, error, origin, summary, subscription_id)
SELECT CASE WHEN n > {EVENTS} * 0.8 THEN 'former' ELSE 'default' END, contract,
    CASE WHEN n > {EVENTS} * 0.8 THEN 'quote.created' WHEN n % 1000 = 0 THEN 'agent.updated' ELSE topic END,
    payload, body, headers, substr(decode(md5(n::text), 'hex'), 1, 15),
    CASE WHEN n > {EVENTS} * 0.8 THEN 'failed' ELSE CASE n % 1000 WHEN 1 THEN 'failed' WHEN 2 THEN 'unhandled'
        WHEN 3 THEN 'quarantined' WHEN 4 THEN 'erased' ELSE 'dispatched' END END,
    now() - n * interval '5 seconds', now(), 0, '', 'webhook', '', subscription_id
FROM {Event._meta.db_table}, generate_series({EVENTS}, 1, -1) AS n
"""
FILL_DELIVERIES = f"""
INSERT INTO {Delivery._meta.db_table} (event_id, receiver, status, attempts, error, traceback, result, finished_at)
SELECT id, CASE status WHEN 'failed' THEN 'crm.receivers.failing' ELSE 'crm.receivers.working' END,
    CASE status WHEN 'failed' THEN 'failed' ELSE 'succeeded' END, 1, '', '', '', now()
FROM {Event._meta.db_table} WHERE status IN ('failed', 'dispatched') ORDER BY id
"""
#: All of one busy person.
FILL_KEYS = f"""
INSERT INTO {EventKey._meta.db_table} (event_id, kind, digest)
SELECT id, 'phone', %s FROM {Event._meta.db_table} WHERE MOD(id, 5) = 0
"""
#: An outage: all of the last fifth waits, but for a few that are tried again.
QUEUE = f"""
UPDATE {Event._meta.db_table} SET finished_at = NULL, next_attempt_at = received_at,
    status = CASE WHEN id % 1000 = 7 THEN 'retrying' ELSE 'pending' END
WHERE received_at > now() - {EVENTS // 5} * interval '5 seconds' AND status = 'dispatched'
"""
BUSY = "+5511912345678"
TABLES = [model._meta.db_table for model in (Event, Delivery, EventKey)]


def fill() -> None:
    """Store them all."""
    event = make_event()
    assert event.status == Event.Status.PENDING
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(FILL_DELIVERIES)
        cursor.execute(FILL_KEYS, [keys.digest("", keys.PHONE, BUSY)])
    # It has the lowest id, and is older than its copies.
    Event.objects.filter(pk=event.pk).update(received_at=now() - timedelta(seconds=5 * (EVENTS + 1)))
    analyze()


def fill_queue() -> None:
    """Have many of them wait."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE)
    analyze()


def analyze() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")


def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all that is bounded end at so few that it is much less than the table."""
    monkeypatch.setattr(event_filters, "MOST_COUNTED", 100)
    monkeypatch.setattr(selection, "NEWEST", 100)
    monkeypatch.setattr(selection, "NEWEST_FOUND", 100)
    monkeypatch.setattr(replay, "LOOKED_AT", 100)
    monkeypatch.setattr(figures, "MOST_READ", 100)
    monkeypatch.setattr(subscription_columns, "NEWEST", 100)
    monkeypatch.setattr(recent, "RECENT_EVENTS", 100)
    monkeypatch.setattr(standing, "NEWEST", 100)
    monkeypatch.setattr(job, "MOST_COUNTED", 100)


def assert_no_page_reads_the_table(client: Client, addresses: list[str]) -> None:
    """Open each page: none reads many rows, or takes many queries."""
    found = {}
    for address in addresses:
        number, plans = looked_at(lambda address=address: client.get(address).status_code == 200)  # type: ignore[misc]
        assert number <= MOST_QUERIES, (address, number)
        found[address] = plans
    assert_none(found)


def assert_none(found: dict[str, list[str]]) -> None:
    """What was asked has no such plans: if something has, it is named first, as they are long."""
    bad = {asked: plans for asked, plans in found.items() if plans}
    assert list(bad) == [], "\n".join(plan for plans in bad.values() for plan in plans)


def looked_at(ask: Callable[[], object]) -> tuple[int, list[str]]:
    """Have something asked, which must be answered; return the number of queries, and the plans that read many rows."""
    with CaptureQueriesContext(connection) as found:
        assert ask()
    queries = [query["sql"] for query in found.captured_queries if query["sql"].startswith("SELECT")]
    plans = [plan_of(query) for query in queries if any(table in query for table in TABLES)]
    return len(found), [json.dumps(plan, indent=1) for plan in plans if rows_read(plan["Plan"]) > MOST_ROWS]


def plan_of(query: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query.replace("%", "%%"), [])
        [found] = cursor.fetchone()
    [plan] = found if isinstance(found, list) else json.loads(found)
    return dict(plan)


def rows_read(plan: dict[str, Any]) -> float:
    """Return the rows that a plan's scans of our tables read, those that they left out included."""
    read: float = sum(rows_read(inner) for inner in plan.get("Plans", ()))
    if plan["Node Type"] == "Bitmap Index Scan":
        return read + float(plan["Actual Rows"] * plan["Actual Loops"])
    if "Scan" not in plan["Node Type"] or plan.get("Relation Name") not in TABLES:
        return read
    left_out = sum(number for name, number in plan.items() if name.startswith("Rows Removed by"))
    return read + float((plan["Actual Rows"] + left_out) * plan["Actual Loops"])
