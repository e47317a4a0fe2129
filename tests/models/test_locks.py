"""Who changes a row, or adds one beside it, waits for nobody who only refers to it in a transaction of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from tests.support import receivers
from tests.support.factories import make_subscription
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.replay.again import read_again
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.subscriptions.adding import add_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@contextmanager
def referred_to(refer: Callable[[], object]) -> Iterator[None]:
    """Have another transaction, which stays open, write what refers to a row; who waits for it fails in 2 s."""
    refers, is_done = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction.atomic():
                refer()
                connection.check_constraints()  # now, which locks the row: else at the commit
                refers.set()
                is_done.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        referring = pool.submit(work)
        try:
            assert refers.wait(20)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            yield
        finally:
            is_done.set()
        referring.result(20)


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
    key = {"event": event, "kind": EventKey.Kind.EMAIL, "digest": b"1" * 16}
    with referred_to(lambda: EventKey.objects.create(**key)):
        assert change(event) == expected


def test_who_adds_a_subscription_does_not_wait_for_a_webhook_of_another_one() -> None:
    event, row = arrived(), make_subscription()
    with referred_to(lambda: Event.objects.filter(pk=event.pk).update(subscription=row)):
        [added] = add_all("default", {new_token(): ["quote.updated"]})
    assert added.topics == ["quote.updated"]
