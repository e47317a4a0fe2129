"""How PostgreSQL finds what the lists of events show: through an index, whatever they are filtered and sorted by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.support.factories import make_event
from zenvia_webhooks.admin import event_filters, replay, subscription_columns
from zenvia_webhooks.admin.dashboard import figures
from zenvia_webhooks.api.filters import DeliveryFilters, EventFilters
from zenvia_webhooks.diagnosis import recent, standing
from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.people import keys
from zenvia_webhooks.replay import selection

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

EVENTS = 20_000
ADMIN, API, DELIVERIES = "/admin/zenvia_webhooks/event/", "/zenvia/api/events/", "/zenvia/api/deliveries/"
#: The most rows that a page may read for one of its queries: what is asked for, the bounds below, and some more.
MOST_ROWS = EVENTS // 20
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
BUSY = "+5511912345678"
#: Filter of the API → what is asked for.
ASKED: dict[str, list[str]] = {
    "topic": ["lead.created", "agent.updated", "quote.created", "never.came"],
    "status": [str(status) for status in Event.Status if status != Event.Status.DISPATCHED],
    "received_after": ["2020-01-01", "2100-01-01"],
    "received_before": ["2020-01-01", "2100-01-01"],
    "about": ["ana@example.com", "+5511987654321", BUSY.replace("+", "%2B")],
    "order": ["newest", "oldest"],
}
#: The list of deliveries' filters.
ASKED_OF_DELIVERIES: dict[str, list[str]] = {
    "event": ["1", "9999999"],
    "status": [str(status) for status in Delivery.Status if status != Delivery.Status.SUCCEEDED],
}


@pytest.fixture
def client() -> Client:
    event = make_event()
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(FILL_DELIVERIES)
        cursor.execute(FILL_KEYS, [keys.digest("", keys.PHONE, BUSY)])
        for model in (Event, Delivery, EventKey):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
    assert event.status == Event.Status.PENDING
    client = Client()
    client.force_login(User.objects.create_superuser("reader"))
    return client


def reads_the_table(client: Client, address: str) -> list[str]:
    """Return a page's queries that read many rows, or a whole table, with their plans."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200, address
    queries = [query["sql"] for query in found.captured_queries if query["sql"].startswith("SELECT")]
    tables = [model._meta.db_table for model in (Event, Delivery, EventKey)]
    plans = []
    with connection.cursor() as cursor:
        for query in queries:
            if any(table in query for table in tables):
                cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query.replace("%", "%%"), [])
                [plan] = cursor.fetchone()
                plans.append(plan if isinstance(plan, list) else json.loads(plan))
    assert plans, address
    return [json.dumps(plan, indent=1) for plan in plans if rows_read(plan[0]["Plan"], tables) > MOST_ROWS]


def reading_the_table(client: Client, addresses: list[str]) -> dict[str, list[str]]:
    """Return the pages of which that is so, and their plans."""
    return {address: plans for address in addresses if (plans := reads_the_table(client, address))}


def rows_read(plan: dict[str, Any], tables: list[str]) -> float:
    """Return the rows that a plan's scans of these tables read, those that they left out included."""
    read: float = sum(rows_read(inner, tables) for inner in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"] or plan.get("Relation Name") not in tables:
        return read
    left_out = sum(number for name, number in plan.items() if name.startswith("Rows Removed by"))
    return read + float((plan["Actual Rows"] + left_out) * plan["Actual Loops"])


def test_no_list_of_the_api_reads_the_table(client: Client) -> None:
    assert set(ASKED) == set(EventFilters.base_filters)
    assert set(ASKED_OF_DELIVERIES) == set(DeliveryFilters.base_filters)
    addresses = [API, *(f"{API}?{name}={value}" for name, values in ASKED.items() for value in values)]
    addresses += [f"{API}?order=oldest&topic={topic}" for topic in ASKED["topic"]]
    addresses += [f"{API}?{ended}&received_after=2100-01-01" for ended in ("topic=quote.created", "status=failed")]
    addresses += [f"{API}?topic={topic}&status=failed" for topic in ASKED["topic"]]
    asked = ASKED_OF_DELIVERIES.items()
    addresses += [DELIVERIES, *(f"{DELIVERIES}?{name}={value}" for name, values in asked for value in values)]
    assert reading_the_table(client, addresses) == {}


def test_no_order_of_the_admins_list_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # It counts up to a number; here that would be a part of the table.
    monkeypatch.setattr(event_filters, "MOST_COUNTED", 100)
    assert reading_the_table(client, [ADMIN + query for query in orders()]) == {}


def test_no_filter_of_the_admins_list_nor_the_dashboard_reads_the_table(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_filters, "MOST_COUNTED", 100)
    # What no index serves is looked for among so many; here that would be all of the table.
    monkeypatch.setattr(selection, "NEWEST", 100)
    monkeypatch.setattr(selection, "NEWEST_FOUND", 100)
    monkeypatch.setattr(replay, "LOOKED_AT", 100)
    monkeypatch.setattr(figures, "MOST_READ", 100)
    monkeypatch.setattr(subscription_columns, "NEWEST", 100)
    monkeypatch.setattr(recent, "RECENT_EVENTS", 100)
    monkeypatch.setattr(standing, "NEWEST", 100)
    statuses = [f"status={status}" for status in Event.Status]
    others = [f"topic={topic}" for topic in ("lead.created", "agent.updated", "quote.created", "never.came", "others")]
    others += ["account=default", "account=former", "topic=quote.created&status=failed"]
    others += [f"receiver=crm.receivers.{name}" for name in ("failing", "working", "never")]
    others += ["receiver=crm.receivers.failing&status=failed"]
    queries = [*statuses, *others, f"subscription={Event.objects.earliest('pk').subscription_id}"]
    addresses = [*(f"{ADMIN}?{query}" for query in queries), *(f"{ADMIN}replay/?{query}" for query in queries)]
    addresses += [f"{ADMIN}?q={text}" for text in ("+5511987654321", BUSY.replace("+", "%2B"))]
    addresses += ["/admin/zenvia_webhooks/", "/admin/zenvia_webhooks/?days=7", "/admin/zenvia_webhooks/subscription/"]
    assert reading_the_table(client, addresses) == {}


def orders() -> Iterator[str]:
    """Yield the list as it is, by each span of time and in each order that it offers."""
    request: Any = RequestFactory().get(ADMIN)
    request.user = User.objects.get()
    changes = admin.site.get_model_admin(Event).get_changelist_instance(request)
    yield ""
    for spec in changes.filter_specs:
        if getattr(spec, "field_path", None) == "received_at":
            yield from (str(choice["query_string"]) for choice in spec.choices(changes))
    for number, column in enumerate(changes.list_display):
        if changes.get_ordering_field(column):
            yield from (f"?o={number}", f"?o=-{number}")
