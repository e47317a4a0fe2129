"""A worker's kept connection that a failover has left read-only."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, connection

from tests.support import receivers
from tests.support.webhooks import arrived, seconds_away
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created, non_atomic
from zenvia_webhooks.tasks import dispatch_events
from zenvia_webhooks.wakeup import SWEEP_INTERVAL

pytestmark = pytest.mark.django_db(transaction=True)

#: Vendor → what makes a connection refuse every write.
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


def make_read_only() -> None:
    with connection.cursor() as cursor:
        cursor.execute(READ_ONLY[connection.vendor])


def test_the_next_run_of_the_task_has_a_new_one() -> None:
    lead_created.connect(receivers.note)
    event = arrived()
    make_read_only()
    assert isinstance(dispatch_events.apply().result, Error)
    assert dispatch_events.apply().successful()
    event.refresh_from_db()
    assert (event.status, len(receivers.calls)) == (Event.Status.DISPATCHED, 1)


@non_atomic
def finds_it_read_only(sender: Any, event: Event, **kwargs: Any) -> None:
    if not receivers.calls:
        receivers.note(sender=sender, event=event)
        make_read_only()
        event.deliveries.model._default_manager.create(event=event, receiver="of another")


def test_a_failed_attempt_is_written_on_a_new_one() -> None:
    lead_created.connect(finds_it_read_only)
    event = arrived()
    assert dispatch_due() == 1
    assert event.deliveries.get().status == "retrying"
    assert Event.objects.get().status == Event.Status.RETRYING


@non_atomic
def leaves_it_read_only(sender: Any, event: Event, **kwargs: Any) -> None:
    make_read_only()
    raise RuntimeError("no database's error")


def test_what_could_not_be_written_is_released_on_a_new_one() -> None:
    lead_created.connect(leaves_it_read_only)
    first, second = arrived(), arrived()
    with pytest.raises(Error):
        dispatch_due()
    for event in (first, second):
        event.refresh_from_db()
    assert seconds_away(first.next_attempt_at) <= SWEEP_INTERVAL
    assert second.claim is None
