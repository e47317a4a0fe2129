"""Deliveries through the API."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.webhooks import arrived
from zenvia_webhooks.models import Delivery

DELIVERIES = "/zenvia/api/deliveries/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def deliveries() -> list[Delivery]:
    first, second = arrived(), arrived()
    return [
        Delivery.objects.create(event=first, receiver="a.b", status="succeeded", duration_ms=5, attempts=1),
        Delivery.objects.create(event=first, receiver="c.d", status="failed", error="RuntimeError: no"),
        Delivery.objects.create(event=second, receiver="a.b"),
    ]


def test_what_is_shown(admin_client: Client, deliveries: list[Delivery]) -> None:
    done = deliveries[0]
    assert admin_client.get(DELIVERIES).json()["results"][-1] == {
        "id": done.pk,
        "event": done.event_id,
        "receiver": "a.b",
        "status": "succeeded",
        "attempts": 1,
        "next_attempt_at": None,
        "finished_at": None,
        "duration_ms": 5,
        "error": "",
        "traceback": "",
        "result": "",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [2, 1, 0]),
        ("status=failed", [1]),
        ("status=retrying", [2]),
        ("event={event}", [1, 0]),
        ("event={event}&status=failed", [1]),
        (f"event={2**63 - 1}", []),
    ],
)
def test_filters(admin_client: Client, deliveries: list[Delivery], query: str, expected: list[int]) -> None:
    rows = admin_client.get(f"{DELIVERIES}?{query.format(event=deliveries[0].event_id)}").json()["results"]
    assert [row["id"] for row in rows] == [deliveries[place].pk for place in expected]


@pytest.mark.parametrize(
    "query", ["event=a", "event=0", f"event={2**63}", "status=succeeded", "receiver=a.b", "topic=a"]
)
def test_an_odd_parameter_is_refused(admin_client: Client, query: str) -> None:
    response = admin_client.get(f"{DELIVERIES}?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [query.partition("=")[0]]


def test_pages_and_their_queries(admin_client: Client, deliveries: list[Delivery]) -> None:
    seen, link = [], f"{DELIVERIES}?page_size=1"
    while link:
        with CaptureQueriesContext(connection) as queries:
            page = admin_client.get(link).json()
        assert len([query for query in queries if "zenvia_webhooks" in query["sql"]]) == 1
        seen += [row["id"] for row in page["results"]]
        link = page["next"]
    assert seen == [row.pk for row in reversed(deliveries)]
