"""The same notification many times at the same moment, and while somebody holds its event."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.db import connection, transaction
from pytest_django.live_server_helper import LiveServer

from tests.support.webhooks import arrived, envelope, path_of
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.webhook.intake import COUNT_SECONDS, store

POSTS = 20


@pytest.mark.django_db(transaction=True)
def test_is_one_event(live_server: LiveServer, subscription: Subscription) -> None:
    url = live_server.url + path_of(subscription)
    together = threading.Barrier(POSTS)

    def post(body: bytes) -> tuple[int, str, int]:
        together.wait(timeout=20)
        answer = requests.post(url, data=body, timeout=30)
        said = answer.json()
        return answer.status_code, said["status"], said["event"]

    with ThreadPoolExecutor(POSTS) as pool:
        for number in range(3):
            answers = list(pool.map(post, [envelope(leadId=str(number))] * POSTS))
            event = Event.objects.latest("pk")
            assert Counter(answers) == {(200, "accepted", event.pk): 1, (200, "duplicate", event.pk): POSTS - 1}
            assert event.duplicates == POSTS - 1
    assert Event.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_duplicate_is_answered_though_a_receiver_holds_the_events_row() -> None:
    event = arrived(leadId="1")
    rows_are_locked = connection.features.has_select_for_update  # else nobody can hold one
    holds, is_answered = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Event.objects.select_for_update().filter(pk=event.pk))
            holds.set()
            is_answered.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    if rows_are_locked:
        holder.start()
        assert holds.wait(20)
    began = time.monotonic()
    try:
        again = store(Subscription.objects.get(), envelope(leadId="1"), headers={}, remote_addr="")
        took = time.monotonic() - began
    finally:
        is_answered.set()
        if rows_are_locked:
            holder.join()
    assert (again.status, again.event_id) == ("duplicate", event.pk)
    assert took < 5 * COUNT_SECONDS
    event.refresh_from_db()
    assert event.duplicates == (0 if rows_are_locked else 1)
