"""How PostgreSQL finds what the lists of events show: through an index, whatever they are filtered and sorted by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.support.factories import make_event
from zenvia_webhooks.admin import subscription_columns
from zenvia_webhooks.admin.dashboard import figures
from zenvia_webhooks.api.filters import EventFilters
from zenvia_webhooks.diagnosis import recent
from zenvia_webhooks.models import Event
from zenvia_webhooks.replay import selection

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

EVENTS = 20_000
ADMIN, API = "/admin/zenvia_webhooks/event/", "/zenvia/api/events/"
#: Few of them need somebody; one in a thousand has a topic of its own.
FILL = f"""
INSERT INTO {Event._meta.db_table} (account, contract, topic, payload, body, headers, fingerprint, status,
    received_at, finished_at, duplicates, error, origin, summary)
SELECT 'default', contract, CASE WHEN n % 1000 = 0 THEN 'agent.updated' ELSE topic END, payload, body, headers,
    decode(md5(n::text), 'hex'),
    CASE n % 1000 WHEN 1 THEN 'failed' WHEN 2 THEN 'unhandled' WHEN 3 THEN 'quarantined' ELSE 'dispatched' END,
    now() - n * interval '1 minute', now(), 0, '', 'webhook', ''
FROM {Event._meta.db_table}, generate_series(1, {EVENTS}) AS n
"""
#: Filter of the API → what is asked for.
ASKED: dict[str, list[str]] = {
    "topic": ["lead.created", "agent.updated", "never.came"],
    "status": [str(status) for status in Event.Status],
    "account": ["default"],
    "received_after": ["2020-01-01", "2100-01-01"],
    "received_before": ["2020-01-01", "2100-01-01"],
    "about": ["ana@example.com", "+5511987654321"],
    "order": ["newest", "oldest"],
}


@pytest.fixture
def client() -> Client:
    event = make_event()
    with connection.cursor() as cursor:
        cursor.execute(FILL)
        cursor.execute(f"ANALYZE {Event._meta.db_table}")
    assert event.status == Event.Status.PENDING
    client = Client()
    client.force_login(User.objects.create_superuser("reader"))
    return client


def reads_the_table(client: Client, address: str) -> list[str]:
    """Return the plans of a page's queries that read the whole table of events."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200, address
    queries = [query["sql"] for query in found.captured_queries if query["sql"].startswith("SELECT")]
    plans = []
    with connection.cursor() as cursor:
        for query in queries:
            if Event._meta.db_table in query:
                cursor.execute("EXPLAIN " + query.replace("%", "%%"), [])
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert plans, address
    return [plan for plan in plans if re.search(rf"Seq Scan on {Event._meta.db_table}\b", plan)]


def test_no_list_of_the_api_reads_the_table(client: Client) -> None:
    assert set(ASKED) == set(EventFilters.base_filters)
    addresses = [API, *(f"{API}?{name}={value}" for name, values in ASKED.items() for value in values)]
    assert [address for address in addresses if reads_the_table(client, address)] == []


def test_no_order_of_the_admins_list_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # It counts up to a number; here that would be half of the table.
    few = property(lambda pages: pages.object_list[:100].count())
    monkeypatch.setattr(admin.site.get_model_admin(Event).paginator, "count", few)
    assert [query for query in orders() if reads_the_table(client, ADMIN + query)] == []


def test_no_filter_of_the_admins_list_nor_the_dashboard_reads_the_table(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = property(lambda pages: pages.object_list[:100].count())
    monkeypatch.setattr(admin.site.get_model_admin(Event).paginator, "count", few)
    # What no index serves is looked for among so many; here that would be all of the table.
    monkeypatch.setattr(selection, "NEWEST", 100)
    monkeypatch.setattr(figures, "MOST_READ", 100)
    monkeypatch.setattr(subscription_columns, "NEWEST", 100)
    monkeypatch.setattr(recent, "RECENT_EVENTS", 100)
    statuses = [f"status={status}" for status in Event.Status if status != Event.Status.DISPATCHED]
    others = ["topic=lead.created", "topic=agent.updated", "topic=others", "account=default", "receiver=a.b"]
    queries = [*statuses, *others, f"subscription={Event.objects.earliest('pk').subscription_id}"]
    addresses = [*(f"{ADMIN}?{query}" for query in queries), *(f"{ADMIN}replay/?{query}" for query in queries)]
    addresses += ["/admin/zenvia_webhooks/", "/admin/zenvia_webhooks/?days=7", "/admin/zenvia_webhooks/subscription/"]
    assert [address for address in addresses if reads_the_table(client, address)] == []


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
