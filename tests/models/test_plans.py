"""How PostgreSQL finds what pages and jobs ask for: through an index, whatever they are filtered and sorted by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import combinations, product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils.timezone import now

from tests.support.account import make_account, make_settings
from tests.support.plans import BUSY, assert_no_page_reads_the_table, assert_none, bound, fill, fill_queue, looked_at
from zenvia_webhooks import retention, wakeup
from zenvia_webhooks.api.filters import DeliveryFilters, EventFilters, SubscriptionFilters
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.replay import job
from zenvia_webhooks.replay.selection import Selection

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql, pytest.mark.timeout(300)]

OURS, API = "/admin/zenvia_webhooks/", "/zenvia/api/"
ADMIN, EVENTS, DELIVERIES = f"{OURS}event/", f"{API}events/", f"{API}deliveries/"
NOBODY, LONG_AGO, NOT_YET = "+5511987654321", "2020-01-01", "2100-01-01"
TOPICS = ["lead.created", "agent.updated", "quote.created", "never.came"]
FAILING = "crm.receivers.failing"
#: Filter of the API → what is asked for.
ASKED: dict[str, list[str]] = {
    "topic": TOPICS,
    "status": [str(status) for status in Event.Status if status != Event.Status.DISPATCHED],
    "received_after": [LONG_AGO, NOT_YET],
    "received_before": [LONG_AGO, NOT_YET],
    "about": ["ana@example.com", NOBODY, BUSY],
    "order": ["newest", "oldest"],
}
#: The list of deliveries' filters.
ASKED_OF_DELIVERIES: dict[str, list[str]] = {
    "event": ["1", "9999999"],
    "status": [str(status) for status in Delivery.Status if status != Delivery.Status.SUCCEEDED],
}
ASKED_OF_SUBSCRIPTIONS = {"account": ["default", "never"], "status": ["active", "failed"]}
#: Filter of the admin's list → what is asked for; the first is that of which there is much, or was once.
NARROWED: dict[str, list[str]] = {
    "status": ["failed", *(str(status) for status in Event.Status if status != Event.Status.FAILED)],
    "topic": ["quote.created", *(topic for topic in TOPICS if topic != "quote.created"), "others"],
    "account": ["former", "default"],
    "receiver": [FAILING, "crm.receivers.working", "crm.receivers.never"],
    "subscription": ["1"],
}
#: Spans of time in which nothing was received.
SPANS = [{"received_at__gte": f"{NOT_YET}T00:00Z"}, {"received_at__lt": f"{LONG_AGO}T00:00Z"}]


@pytest.fixture
def client(settings: Any) -> Client:
    settings.ZENVIA_WEBHOOKS = make_settings(default=make_account(), former=make_account())
    fill()
    client = Client()
    client.force_login(User.objects.create_superuser("reader"))
    return client


def test_no_list_of_the_api_reads_the_table(client: Client) -> None:
    assert set(ASKED) == set(EventFilters.base_filters)
    assert set(ASKED_OF_DELIVERIES) == set(DeliveryFilters.base_filters)
    assert set(ASKED_OF_SUBSCRIPTIONS) == set(SubscriptionFilters.base_filters)
    queries = [{}, *each(ASKED), *each_two(ASKED), {"page_size": "300"}]
    # Of somebody, all is read where a topic or a status is wanted besides.
    queries = [query for query in queries if query.get("about") != BUSY or not {"topic", "status"} & set(query)]
    addresses = [f"{EVENTS}?{urlencode(query)}" for query in queries]
    deliveries = [{}, *each(ASKED_OF_DELIVERIES), *each_two(ASKED_OF_DELIVERIES)]
    addresses += [f"{DELIVERIES}?{urlencode(query)}" for query in deliveries]
    first_pages = (EVENTS, f"{EVENTS}?order=oldest", f"{DELIVERIES}?status=failed")
    addresses += [client.get(address).json()["next"] for address in first_pages]
    event = Event.objects.latest("pk")
    addresses += [f"{EVENTS}{event.pk}/"]
    assert_no_page_reads_the_table(client, addresses)


def test_no_list_of_the_admins_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch)
    changes = list_of_events()
    offered = {getattr(spec, "parameter_name", None) or spec.field_path for spec in changes.filter_specs}
    assert offered == set(NARROWED) - {"subscription"} | {"received_at"}
    queries = [urlencode(query) for query in ({}, *each(narrowed()), *each_two(firsts()), {"p": "2"})]
    queries += [urlencode(query) for query in each({"q": [NOBODY, BUSY, "ana@example.com", "L1"]})]
    since = {"received_at__gte": [(now() - timedelta(hours=hours)).isoformat() for hours in (1, 24, 240)]}
    queries += map(urlencode, [*each(since), *SPANS])
    addresses = [f"{ADMIN}?{query}" for query in (*queries, *orders(changes))]
    assert_no_page_reads_the_table(client, addresses)


def test_no_list_that_is_narrowed_and_sorted_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch)
    changes = list_of_events()
    searched = {"q": [BUSY]}
    also = [*map(urlencode, SPANS), *orders(changes)]
    addresses = [
        f"{ADMIN}?{urlencode(query)}&{more}" for query in (*each(narrowed()), *each(searched)) for more in also
    ]
    # Of somebody, all is read where another filter is set besides.
    addresses += [f"{ADMIN}?{urlencode({'q': NOBODY, **query})}" for query in each(narrowed())]
    assert_no_page_reads_the_table(client, addresses)


def test_no_other_page_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch)
    queries = [*each(narrowed()), *each_two(firsts()), *SPANS]
    addresses = [f"{ADMIN}replay/?{urlencode(query)}" for query in queries]
    addresses += [OURS, f"{OURS}?days=7", f"{OURS}subscription/"]
    row = Subscription.objects.get()
    addresses += [f"{OURS}subscription/?status__exact=active", f"{OURS}subscription/{row.pk}/change/"]
    addresses += [f"{API}subscriptions/{row.pk}/"]
    addresses += [f"{API}subscriptions/?{urlencode(query)}" for query in each(ASKED_OF_SUBSCRIPTIONS)]
    found = [Event.objects.filter(status=status).latest("pk") for status in Event.Status if status != "retrying"]
    found += [Event.objects.filter(keys__isnull=False).latest("pk")]
    addresses += [f"{ADMIN}{event.pk}/{page}/" for event in found for page in ("change", "history")]
    assert_no_page_reads_the_table(client, addresses)


def test_no_page_reads_the_queue_of_an_outage(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch)
    monkeypatch.setattr("zenvia_webhooks.admin.dashboard.figures.MOST_COUNTED", 100)
    fill_queue()
    queries = [{"status": "retrying"}, {"status": "pending"}]
    addresses = [OURS, *(f"{start}?{urlencode(query)}" for start in (ADMIN, EVENTS) for query in queries)]
    assert_no_page_reads_the_table(client, addresses)


def test_no_replay_that_begins_reads_the_table(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    bound(monkeypatch)
    monkeypatch.setattr(wakeup, "send", lambda _task, **arguments: None)
    found = {}
    for query in ({}, *each(narrowed()), *each_two(firsts()), *SPANS):
        order = job.Order(selection=Selection.of_list(query))
        _number, plans = looked_at(lambda order=order: job.start(order, after=job.last_number()))  # type: ignore[misc]
        found[urlencode(query)] = plans
        job.stop()
    assert_none(found)


@pytest.mark.usefixtures("client")
def test_a_batch_of_a_purge_does_not_read_what_the_others_have_passed() -> None:
    middle = Event.objects.order_by("pk")[10_000]
    position = (middle.received_at, middle.pk)
    _number, plans = looked_at(lambda: next(retention.purge(0, after=position)).number == retention.BATCH)
    assert plans == []


def each(asked: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    """Yield each filter by itself, with each of its values."""
    yield from ({name: value} for name, values in asked.items() for value in values)


def each_two(asked: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    """Yield each two filters together."""
    for first, second in combinations(asked, 2):
        yield from ({first: one, second: other} for one, other in product(asked[first], asked[second]))


def narrowed() -> dict[str, list[str]]:
    return {**NARROWED, "subscription": [str(Subscription.objects.get().pk)]}


def firsts() -> dict[str, list[str]]:
    return {name: values[:1] for name, values in narrowed().items()}


def list_of_events() -> Any:
    """Return the list as Django builds it for a user who may see all."""
    request: Any = RequestFactory().get(ADMIN)
    request.user = User.objects.get()
    return admin.site.get_model_admin(Event).get_changelist_instance(request)


def orders(changes: Any) -> list[str]:
    """Return the orders that the list offers."""
    columns = [
        number for number, column in enumerate(changes.list_display) if changes.get_ordering_field(column) is not None
    ]
    assert columns
    return [f"o={sign}{number}" for number in columns for sign in ("", "-")]
