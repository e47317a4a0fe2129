"""The same notification many times at the same moment, over real connections."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

from tests.webhooks import envelope, path_of
from zenvia_webhooks.models import Event, Subscription

POSTS = 20


@pytest.mark.django_db(transaction=True)
def test_is_one_event(live_server: LiveServer, subscription: Subscription) -> None:
    url = live_server.url + path_of(subscription)
    together = Barrier(POSTS)

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
