"""freezegun around a host's test, with tasks run in line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from freezegun import freeze_time

from tests.celery import app as celery_app
from tests.support import receivers
from tests.support.webhooks import envelope, post
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import lead_created


@pytest.fixture
def in_line() -> Iterator[None]:
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["2020-01-01", "2040-01-01"])
def test_receivers_run(client: Any, subscription: Subscription, in_line: None, moment: str) -> None:
    lead_created.connect(receivers.create_customer)
    _ = get_resolver().url_patterns  # imports compiled modules that can't be imported while the clock is stopped
    with freeze_time(moment):
        assert post(client, subscription, envelope(name="Ana")).status_code == 200
    assert Event.objects.get().status == Event.Status.DISPATCHED
    assert post(client, subscription, envelope(name="Bia")).status_code == 200
    assert Event.objects.filter(status=Event.Status.DISPATCHED).count() == 2


def test_a_run_has_one_clock() -> None:
    with freeze_time("2020-01-01"):
        assert RunClock(lease_seconds=300).may_start


@pytest.mark.django_db
def test_heartbeat_goes_on_after_a_frozen_one() -> None:
    with freeze_time("2040-01-01"):
        heartbeat.write(heartbeat.WORKER)
    heartbeat.write(heartbeat.WORKER)
    assert heartbeat._written_at[heartbeat.WORKER] < 10**9
