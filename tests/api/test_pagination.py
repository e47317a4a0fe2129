"""A walk through all pages, while events arrive and others are purged."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.expressions import Combinable
from django.test import Client

from tests.support.webhooks import envelope
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.clock import DatabaseNow, from_now
from zenvia_webhooks.webhook.intake import store

EVENTS = "/zenvia/api/events/"
#: A walk over 1,000 pages takes its time: continuous integration has it in mind.
PAGES, PAGE_SIZE = int(os.environ.get("TEST_PAGES", "100")), 2

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("reader"))
    return client


def stored(number: int, received_at: Combinable) -> list[int]:
    """Return the ids of new events, of which each seven share a microsecond: more than a page holds."""
    columns: dict[str, Any] = {"account": "default", "body": b"", "status": "dispatched", "received_at": received_at}
    rows = [Event(fingerprint=uuid.uuid4().bytes[1:], **columns) for _ in range(number)]
    Event.objects.bulk_create(rows, batch_size=7)
    return list(Event.objects.order_by("pk").values_list("pk", flat=True))


@contextlib.contextmanager
def arriving(store: Callable[[int], int]) -> Iterator[list[int]]:
    """Have a thread store events, one after the other; yield the ids of those that are committed."""
    committed: list[int] = []
    stop = Flag()

    def arrive() -> None:
        try:
            while not stop.wait(0.005):
                committed.append(store(len(committed)))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(arrive)
        try:
            yield committed
        finally:
            stop.set()
            thread.result(timeout=30)


def walk(client: Client, query: str) -> Iterator[list[dict[str, Any]]]:
    link: str | None = f"{EVENTS}?page_size={PAGE_SIZE}&{query}"
    while link:
        response = client.get(link)
        assert response.status_code == 200, response.content
        page = response.json()
        yield page["results"]
        link = page["next"]


def test_newest_first_repeats_and_misses_nothing_while_events_arrive(
    client: Client, subscription: Subscription
) -> None:
    there = stored(PAGES * PAGE_SIZE, DatabaseNow())

    def arrive(number: int) -> int:
        return store(subscription, envelope(leadId=str(number)), headers={}, remote_addr="").event_id

    seen: list[int] = []
    with arriving(arrive) as committed:
        while len(committed) < 5:
            Flag().wait(0.005)
        there += committed
        for number, page in enumerate(walk(client, ""), 1):
            seen += [row["id"] for row in page]
            if number % 50 == 0:
                # The row that the next page goes on behind is purged.
                Event.objects.filter(pk=seen[-1]).delete()
        arrived_meanwhile = set(committed) - set(there)
    assert number >= PAGES
    assert len(arrived_meanwhile) > 20
    assert len(seen) == len(set(seen))
    assert set(there) - set(seen) == set()
    assert set(seen) - set(there) <= arrived_meanwhile


def test_oldest_first_goes_on_to_those_that_arrived_meanwhile(client: Client) -> None:
    stored(PAGES * PAGE_SIZE, from_now(-3600))

    def arrive(number: int) -> int:
        # As `store` does, a minute ago, so that they have settled.
        columns: dict[str, Any] = {"account": "default", "body": b"", "received_at": from_now(-60)}
        return Event.objects.create(fingerprint=uuid.uuid4().bytes[1:], **columns).pk

    rows: list[dict[str, Any]] = []
    with arriving(arrive) as committed:
        for page in walk(client, "order=oldest"):
            rows += page
            if len(rows) > PAGES * PAGE_SIZE + 20:
                break
    assert len(committed) > 20
    # As a reader goes on later: from the last time it saw.
    last = rows[-1]["received_at"]
    again = [row for page in walk(client, f"order=oldest&received_after={last}") for row in page]
    behind = [row["id"] for row in again if row not in rows]
    seen = [row["id"] for row in rows]
    assert len(rows) >= PAGES * PAGE_SIZE
    assert len(seen) == len(set(seen))
    assert sorted(seen + behind) == sorted(Event.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("order", "moment"), [("newest", DatabaseNow()), ("newest", from_now(-60)), ("oldest", from_now(-60))]
)
def test_events_of_the_same_time_are_told_apart(client: Client, order: str, moment: Combinable) -> None:
    ids = stored(30, moment)
    seen = [row["id"] for page in walk(client, f"order={order}") for row in page]
    assert seen == (ids if order == "oldest" else ids[::-1])


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_way_back_has_the_same_pages(client: Client, order: str) -> None:
    stored(10, from_now(-60))
    link, pages, back = f"{EVENTS}?page_size=3&order={order}", [], []
    while link:
        page = client.get(link).json()
        pages.append(page["results"])
        link = page["next"]
    link = page["previous"]
    while link:
        page = client.get(link).json()
        back.append(page["results"])
        link = page["previous"]
    assert len(pages) == 4
    assert back == pages[-2::-1]
