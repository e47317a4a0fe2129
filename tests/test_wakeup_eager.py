"""Without a worker, under `task_always_eager`: events are dispatched in line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from tests.celery import app as celery_app
from tests.shop.models import Customer
from tests.support import receivers
from tests.support.webhooks import arrived, payload, post
from zenvia_webhooks import wakeup
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import event_received, lead_created

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("eager")]

within: list[int] = []


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(wakeup, "_current", None)
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False
    celery_app.conf.task_eager_propagates = False


def test_eager_app_dispatches_in_line_after_the_commit(client: Client, subscription: Subscription) -> None:
    lead_created.connect(receivers.create_customer)
    assert post(client, subscription, payload("lead_created")).status_code == 200
    assert Customer.objects.get().name == "João Silva"
    assert wakeup._current is None


def webhook_again(sender: Any, event: Event, **kwargs: Any) -> None:
    """Have another event arrive while this one is being handed out."""
    within.append(1)
    assert len(within) == 1, "a run within a run"
    if Event.objects.count() < 3:
        transaction.on_commit(arrived)
    within.pop()


def test_eager_run_goes_on_until_nothing_is_due_and_not_within_itself() -> None:
    lead_created.connect(webhook_again)
    event_received.connect(receivers.note)
    arrived()
    assert list(Event.objects.values_list("status", flat=True)) == [Event.Status.DISPATCHED] * 3
    assert [event for _name, event in receivers.calls] == sorted(Event.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("propagates", [True, False])
def test_eager_run_that_fails_does_not_fail_the_webhook(
    client: Client, subscription: Subscription, settings: Any, propagates: bool
) -> None:
    settings.ZENVIA_WEBHOOKS = {"BATCH_SIZE": "wrong"}
    celery_app.conf.task_eager_propagates = propagates
    assert post(client, subscription, payload("lead_created")).status_code == 200
    assert Event.objects.get().status == Event.Status.PENDING
