from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support import receivers
from tests.support.webhooks import arrived, envelope, post
from zenvia_webhooks import signals
from zenvia_webhooks.admin.event_filters import BoundedPaginator
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.models import Delivery, Event, EventKey, Subscription
from zenvia_webhooks.replay import job, selection

pytestmark = pytest.mark.django_db

LIST = "/admin/zenvia_webhooks/event/"


def page_of(client: Client, event: Event) -> str:
    response = client.get(f"{LIST}{event.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def login(client: Client, *permissions: str) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


def test_the_list_shows_topic_person_and_status(admin_client: Client) -> None:
    arrived(name="João Silva")
    arrived("lead.created", email="only@example.com")
    page = admin_client.get(LIST).content.decode()
    for text in ("lead.created", "João Silva", "only@example.com", "zenvia-pending"):
        assert text in page


def test_the_list_costs_the_same_queries_for_any_number(admin_client: Client) -> None:
    arrived()
    with CaptureQueriesContext(
        connection,
    ) as few:
        admin_client.get(LIST)
    for _ in range(20):
        arrived()
    with CaptureQueriesContext(connection) as many:
        admin_client.get(LIST)
    assert len(many) == len(few)
    assert not [query for query in many if '"body"' in query["sql"]]


def test_the_list_stops_counting() -> None:
    for _ in range(3):
        arrived()
    paginator = BoundedPaginator(Event.objects.order_by("pk"), 2)
    with CaptureQueriesContext(connection) as queries:
        assert paginator.count == 3
    assert "LIMIT 1000" in queries[0]["sql"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("topic=lead.created", {"lead.created"}), ("topic=others", {"visit.booked"}), ("status=failed", set())],
)
def test_filters(admin_client: Client, query: str, expected: set[str]) -> None:
    arrived()
    arrived("visit.booked")
    shown = admin_client.get(f"{LIST}?{query}").context["cl"].result_list
    assert {event.topic for event in shown} == expected


def test_a_payload_is_pretty_printed_and_escaped(admin_client: Client) -> None:
    page = page_of(admin_client, arrived(name="<script>alert('João')</script>"))
    assert "&quot;name&quot;: &quot;&lt;script&gt;alert(" in page
    assert "João" in page
    assert "<script>alert" not in page


def test_a_quarantined_body_is_shown_escaped_with_its_reason(admin_client: Client, subscription: Subscription) -> None:
    post(admin_client, subscription, b"\xff<script>")
    page = page_of(admin_client, Event.objects.get())
    assert "\\xff&lt;script&gt;" in page
    assert "No JSON object" in page


def test_deliveries_are_shown_with_error_and_result(admin_client: Client) -> None:
    signals.lead_created.connect(receivers.create_customer)
    signals.lead_created.connect(receivers.flaky)
    receivers.failures_left = 1
    event = arrived(name="João")
    dispatcher.dispatch_due()
    page = page_of(admin_client, event)
    assert "tests.support.receivers.flaky" in page
    assert "RuntimeError: the price list is not there yet" in page
    assert "customer " in page


def test_nothing_in_an_event_can_be_changed_or_deleted(admin_client: Client) -> None:
    event = arrived()
    assert admin_client.post(f"{LIST}{event.pk}/change/", {"status": "failed"}).status_code == 403
    assert admin_client.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403
    event.refresh_from_db()
    assert event.status == Event.Status.PENDING


def test_staff_without_permissions_sees_nothing(client: Client) -> None:
    event = arrived()
    login(client)
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}{event.pk}/change/").status_code == 403


def test_a_result_that_is_gone_is_named_without_a_link(admin_client: Client) -> None:
    event = arrived()
    Delivery.objects.create(event=event, receiver="a.b", status="succeeded", result="shop.customer:77")
    assert "shop.customer:77" in page_of(admin_client, event)


def test_two_accounts_are_told_apart_in_the_list(admin_client: Client, settings: Any) -> None:
    arrived()
    assert "column-account" not in admin_client.get(LIST).content.decode()
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {}, "second": {}}}
    assert "column-account" in admin_client.get(LIST).content.decode()


def test_an_unknown_topic_is_shown(admin_client: Client, subscription: Subscription) -> None:
    post(admin_client, subscription, envelope("<b>new</b>.thing"))
    assert "&lt;b&gt;new&lt;/b&gt;.thing" in page_of(admin_client, Event.objects.get())


def test_of_a_receiver_the_list_shows_the_newest_or_those_of_a_span(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "NEWEST_FOUND", 2)
    events = [arrived(leadId=str(number)) for number in range(5)]
    for event in events[:4]:
        Delivery.objects.create(event=event, receiver="a.b", status="failed")
        Event.objects.filter(pk=event.pk).update(status="failed")
    Event.objects.filter(pk=events[0].pk).update(received_at=now() - timedelta(days=30))

    def shown(query: str) -> list[int]:
        response = admin_client.get(f"{LIST}?{query}")
        return [event.pk for event in response.context["cl"].result_list]

    newest = [events[3].pk, events[2].pk]
    assert shown("receiver=a.b") == newest
    assert shown("receiver=a.b&status=failed") == newest
    assert shown("receiver=a.b&status=retrying") == []
    week_ago = (now() - timedelta(days=7)).isoformat().replace("+", "%2B")
    assert shown(f"receiver=a.b&received_at__lt={week_ago}") == [events[0].pk]
    # Of the last week there are three.
    assert shown(f"receiver=a.b&received_at__gte={week_ago}") == newest
    assert shown("receiver=a.b&o=4") == [event.pk for event in events[:4]]
    EventKey.objects.write(events)
    assert shown("receiver=a.b&q=0") == [events[0].pk]
    # A replay of them is of all.
    assert job.start(job.Order(selection=selection.Selection(receiver="a.b")), after=0)
    row = job.find()
    assert row is not None
    assert row.total == 4
