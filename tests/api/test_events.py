"""What the API shows of events, and how they are found."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support import receivers
from tests.support.webhooks import arrived, payload, post
from zenvia_webhooks.api.filters import EventFilters
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import event_received, lead_created

EVENTS = "/zenvia/api/events/"

pytestmark = pytest.mark.django_db


def get(client: Client, path: str = "", **parameters: Any) -> Any:
    response = client.get(EVENTS + path, parameters)
    assert response.status_code == 200, response.content
    return response.json()


def found(client: Client, **parameters: Any) -> list[int]:
    return [row["id"] for row in get(client, **parameters)["results"]]


def cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def received_at(moment: datetime, **fields: Any) -> Event:
    event = arrived()
    Event.objects.filter(pk=event.pk).update(received_at=moment, **fields)
    return event


def test_a_list_is_lean(admin_client: Client) -> None:
    event = arrived(name="João", email="joao@example.com")
    row = get(admin_client)["results"][0]
    assert row == {
        "id": event.pk,
        "topic": "lead.created",
        "status": "pending",
        "account": "default",
        "subscription": event.subscription_id,
        "occurred_at": "2024-12-09T15:30:00Z",
        "received_at": event.received_at.isoformat().replace("+00:00", "Z"),
        "finished_at": None,
        "duplicates": 0,
        "summary": "João · joao@example.com",
    }


def test_a_detail_has_payload_person_and_deliveries(admin_client: Client, subscription: Subscription) -> None:
    lead_created.connect(receivers.create_customer)
    event_received.connect(receivers.broken)
    post(admin_client, subscription, payload("lead_created"))
    dispatch_due()
    event = Event.objects.get()
    shown = get(admin_client, f"{event.pk}/")
    assert shown["payload"] == event.payload
    assert shown["lead"]["name"] == "João Silva"
    assert shown["lead"]["email"] == "joao.silva@email.com"
    assert (shown["quote"], shown["interaction"]) == (None, None)
    done, failed = shown["deliveries"]
    assert (done["receiver"], done["status"]) == ("tests.support.receivers.create_customer", "succeeded")
    assert done["result"].startswith("shop.customer:")
    assert (failed["event"], failed["status"], failed["attempts"]) == (event.pk, "retrying", 1)
    assert "it never works" in failed["error"]
    assert failed["traceback"].endswith(', in broken\n    raise RuntimeError("it never works")')


def test_a_detail_of_what_was_not_understood(admin_client: Client, subscription: Subscription) -> None:
    post(admin_client, subscription, b"\xff")
    shown = get(admin_client, f"{Event.objects.get().pk}/")
    assert (shown["status"], shown["payload"], shown["lead"], shown["deliveries"]) == ("quarantined", None, None, [])
    assert "No JSON object" in shown["error"]


@pytest.mark.parametrize("pk", ["0", "77", str(2**63 - 1), str(2**63), "9" * 40, "9" * 5000])
@pytest.mark.parametrize("kind", ["events", "subscriptions"])
def test_what_there_is_not_is_404(admin_client: Client, kind: str, pk: str) -> None:
    assert admin_client.get(f"/zenvia/api/{kind}/{pk}/").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"topic": "lead.created"}, ["lead"]),
        ({"topic": "never.seen"}, []),
        ({"topic": "lead"}, []),
        ({"status": "failed"}, ["quote"]),
        ({"status": "failed", "topic": "quote.updated"}, ["quote"]),
        ({"status": "failed", "topic": "lead.created", "order": "oldest"}, []),
        ({"order": "newest"}, ["quote", "lead"]),
        ({}, ["quote", "lead"]),
    ],
)
def test_filters(admin_client: Client, parameters: dict[str, str], expected: list[str]) -> None:
    events = {"lead": arrived(), "quote": arrived("quote.updated")}
    Event.objects.filter(pk=events["quote"].pk).update(status="failed")
    assert found(admin_client, **parameters) == [events[name].pk for name in expected]


@pytest.mark.parametrize("microsecond", [0, 120_000, 123_456])
def test_a_range_has_its_beginning_and_not_its_end(admin_client: Client, microsecond: int) -> None:
    moment = datetime(2026, 1, 31, 12, 30, 30, microsecond, tzinfo=UTC)
    event = received_at(moment)
    before, after = moment - timedelta(microseconds=1), moment + timedelta(microseconds=1)
    for start, end, is_found in [
        (moment, after, True),
        (before, after, True),
        (before, moment, False),
        (after, after + timedelta(days=1), False),
    ]:
        shown = found(admin_client, received_after=start.isoformat(), received_before=end.isoformat())
        assert shown == [event.pk] * is_found, (start, end)


def test_a_range_finds_what_it_was_shown(admin_client: Client) -> None:
    event = arrived()
    shown = get(admin_client)["results"][0]["received_at"]
    assert found(admin_client, received_after=shown) == [event.pk]
    assert found(admin_client, received_before=shown) == []


def test_a_time_without_a_zone_is_in_utc(admin_client: Client) -> None:
    event = received_at(datetime(2026, 1, 31, 12, 30, tzinfo=UTC))
    same = {"received_after": "2026-01-31T12:30", "received_before": "2026-01-31T09:31-03:00"}
    assert found(admin_client, **same) == [event.pk]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=lost", "status"),
        ("status=", "status"),
        ("topic=", "topic"),
        ("topic=%00", "topic"),
        ("account=" + "a" * 101, "account"),
        ("received_after=yesterday", "received_after"),
        ("received_after=2026-01-31T12:30:00+00:00", "received_after"),  # + is a space in a query
        ("received_before=0001-01-01T00:00:00Z", "received_before"),
        ("received_before=9999-12-31T23:59:59-14:00", "received_before"),
        ("order=received_at", "order"),
        ("page_size=0", "page_size"),
        ("page_size=1001", "page_size"),
        ("page_size=many", "page_size"),
        ("cursor=", "cursor"),
        ("cursor=1", "cursor"),
        ("cursor=%C3%A3", "cursor"),
        (f"cursor={cursor('o=many')}", "cursor"),
        (f"cursor={cursor('p=')}", "cursor"),
        (f"cursor={cursor('p=-1')}", "cursor"),
        (f"cursor={cursor('p=2024-12-09')}", "cursor"),
        (f"cursor={cursor(f'p={2**63}')}", "cursor"),
        (f"cursor={cursor('p=' + '9' * 5000)}", "cursor"),
        ("status=failed&status=pending", "status"),
        ("stauts=failed", "stauts"),
    ],
)
def test_an_odd_parameter_is_refused_by_name(admin_client: Client, query: str, name: str) -> None:
    response = admin_client.get(f"{EVENTS}?{query}")
    assert response.status_code == 400
    assert list(response.json()) == [name]


def test_a_refusal_names_what_there_is(admin_client: Client) -> None:
    words = admin_client.get(f"{EVENTS}?status=lost").json()["status"][0]
    assert words.startswith("Not lost, but one of: pending, ")


def test_no_cache_keeps_an_answer(admin_client: Client) -> None:
    kept = {"private", "no-store"}
    assert kept <= set(admin_client.get(EVENTS)["Cache-Control"].split(", "))
    assert kept <= set(admin_client.get(f"{EVENTS}?status=lost")["Cache-Control"].split(", "))


@pytest.mark.parametrize("path", ["", "{pk}/"])
def test_queries_do_not_grow_with_rows(admin_client: Client, path: str) -> None:
    first = arrived()
    url = EVENTS + path.format(pk=first.pk)
    admin_client.get(url)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(url)
    for number in range(20):
        Delivery.objects.create(event=arrived(), receiver="a.b")
        Delivery.objects.create(event=first, receiver=f"a.b{number}")
    with CaptureQueriesContext(connection) as many:
        response = admin_client.get(url)
    assert len(response.json().get("results" if not path else "deliveries")) >= 20
    assert len(many) == len(few)
    columns = " ".join(query["sql"] for query in many).replace("`", '"')
    assert '"body"' not in columns
    assert ('"payload"' in columns) is bool(path)


def test_the_oldest_order_waits_until_an_event_has_settled(admin_client: Client) -> None:
    older = received_at(now() - timedelta(days=1))
    settled = received_at(now() - timedelta(seconds=12))
    received_at(now() - timedelta(seconds=7))
    assert found(admin_client, order="oldest") == [older.pk, settled.pk]


def test_the_oldest_order_goes_past_no_event_that_settles_later(admin_client: Client) -> None:
    settled = received_at(now() - timedelta(seconds=13))
    received_at(now() - timedelta(seconds=7))
    # Its id is the higher one: a page with it would end behind the one that has not settled.
    received_at(now() - timedelta(seconds=12))
    assert found(admin_client, order="oldest") == [settled.pk]


@pytest.fixture
def quarters() -> list[Event]:
    """Events a quarter of an hour apart; of two that came almost at once, the earlier has the higher id."""
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    minutes = (0, 15, 30, 45, 60.1, 60, 75)
    return [received_at(start + timedelta(minutes=number)) for number in minutes]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_range_holds_where_ids_are_not_in_the_order_of_times(
    admin_client: Client, quarters: list[Event], order: str
) -> None:
    ids = found(admin_client, order=order, received_after="2026-01-31T12:30", received_before="2026-01-31T13:00:01")
    expected = [quarters[place].pk for place in (2, 3, 5)]
    assert ids == (expected if order == "oldest" else expected[::-1])
    assert found(admin_client, received_after="2026-01-31T13:00:06") == [quarters[6].pk, quarters[4].pk]


def test_a_range_bounds_the_walk_by_id(quarters: list[Event]) -> None:
    query = {"received_after": "2026-01-31T12:30", "received_before": "2026-01-31T13:00"}
    sql = str(EventFilters(query, queryset=Event.objects.only("pk")).qs.query).replace("`", '"')
    assert f'"id" > {quarters[1].pk}' in sql
    assert f'"id" < {quarters[6].pk}' in sql


def test_events_about_a_person(admin_client: Client) -> None:
    event, _other = arrived(phone="+5511987654321", email="ana@example.com"), arrived(phone="+5511987654322")
    for about in ("(11) 98765-4321", "ANA@example.com", "+55 11 98765-4321"):
        assert found(admin_client, about=about) == [event.pk], about
    assert found(admin_client, about="nobody@example.com") == []
    assert found(admin_client, about="ana@example.com", topic="quote.updated") == []
