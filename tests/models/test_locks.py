"""Whoever changes an event waits for nobody who only refers to it: a receiver's rows, or keys, not committed yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.replay.again import read_again
from zenvia_webhooks.signals import lead_created

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda event: event.replay(), [f"{receivers.__name__}.broken"]),
        (lambda event: event.deliveries.get().dismiss(), True),
        (lambda event: Event.objects.filter(pk=event.pk).update(status="quarantined") and read_again(event), True),
    ],
)
def test_it_does_not_wait_for_who_refers_to_the_event(change: Callable[[Event], object], expected: object) -> None:
    lead_created.connect(receivers.broken)
    event = arrived()
    dispatch_due()
    refers, is_done = threading.Event(), threading.Event()

    def refer() -> None:
        try:
            with transaction.atomic():
                EventKey.objects.create(event=event, kind=EventKey.Kind.EMAIL, digest=b"1" * 16)
                connection.check_constraints()  # now, which locks the row: else at the commit
                refers.set()
                is_done.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        referring = pool.submit(refer)
        try:
            assert refers.wait(20)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            assert change(event) == expected
        finally:
            is_done.set()
        referring.result(20)
