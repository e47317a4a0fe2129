"""`Event.replay`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support import receivers
from tests.support.factories import make_event
from tests.support.webhooks import arrived, let_time_pass, seconds_away
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import event_received, lead_created

CREATE, NOTE, BROKEN = (
    "tests.support.receivers.create_customer",
    "tests.support.receivers.note",
    "tests.support.receivers.broken",
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_retries(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": []}


def dispatched() -> Event:
    event = arrived()
    dispatch_due()
    receivers.calls.clear()
    return Event.objects.get(pk=event.pk)


def test_default_is_every_receiver_that_has_not_succeeded() -> None:
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.broken)
    event = dispatched()
    event_received.connect(receivers.note)  # connected since
    assert event.replay() == [BROKEN, NOTE]
    dispatch_due()
    assert receivers.calls == [("broken", event.pk), ("note", event.pk)]


def test_nothing_where_each_has_succeeded() -> None:
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.note)
    event = dispatched()
    assert event.replay() == []
    assert event.replay([NOTE], again=False) == []
    dispatch_due()
    assert receivers.calls == []


def test_named_receivers_alone_are_replayed() -> None:
    lead_created.connect(receivers.create_customer)
    lead_created.connect(receivers.note)
    event = dispatched()
    assert event.replay([NOTE, NOTE]) == [NOTE]
    dispatch_due()
    assert receivers.calls == [("note", event.pk)]


def test_rows_are_written_open_as_if_never_tried() -> None:
    lead_created.connect(receivers.broken)
    event = dispatched()
    lead_created.connect(receivers.note)
    event.replay()
    event.refresh_from_db()
    assert (event.status, event.claim, event.finished_at) == (Event.Status.RETRYING, None, None)
    assert event.next_attempt_at is not None
    for row in event.deliveries.all():
        assert (row.status, row.attempts, row.error, row.finished_at) == (Delivery.Status.RETRYING, 0, "", None)
        assert abs(seconds_away(row.next_attempt_at)) < 60
    assert event.deliveries.count() == 2


def test_worker_without_the_receiver_fails_the_try_instead_of_losing_it(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [60]}
    event = dispatched()
    lead_created.connect(receivers.note)
    event.replay()
    lead_created.disconnect(receivers.note)
    dispatch_due()
    row = event.deliveries.get()
    assert (row.status, row.attempts) == (Delivery.Status.RETRYING, 1)
    lead_created.connect(receivers.note)
    let_time_pass()
    dispatch_due()
    assert receivers.calls == [("note", event.pk)]


def test_receiver_that_had_the_event_before_may_be_named_though_it_is_not_connected() -> None:
    lead_created.connect(receivers.note)
    event = dispatched()
    lead_created.disconnect(receivers.note)
    assert event.replay([NOTE]) == [NOTE]


def test_stranger_is_refused_and_nothing_is_changed() -> None:
    lead_created.connect(receivers.note)
    event = dispatched()
    with pytest.raises(ValueError, match=rf"No receiver is named crm\.gone\. There are: {NOTE}\."):
        event.replay([NOTE, "crm.gone"])
    event.refresh_from_db()
    assert event.status == Event.Status.DISPATCHED


def test_nothing_to_replay_without_receivers() -> None:
    event = dispatched()
    assert event.replay() == []
    event.refresh_from_db()
    assert (event.status, event.next_attempt_at) == (Event.Status.UNHANDLED, None)


def test_nothing_while_pending() -> None:
    lead_created.connect(receivers.note)
    event = arrived()
    assert event.replay() == []
    assert not event.deliveries.exists()


@pytest.mark.parametrize("status", [Event.Status.QUARANTINED, Event.Status.ERASED])
def test_nothing_for_what_can_not_be_read(status: Event.Status) -> None:
    lead_created.connect(receivers.note)
    event = make_event(status=status)
    assert event.replay() == []
    assert event.replay([NOTE]) == []


def test_nothing_under_a_live_claim_and_all_again_after_its_lease(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [60]}
    lead_created.connect(receivers.broken)
    event = dispatched()
    let_time_pass()
    assert [held.pk for held in claim_due(1).events] == [event.pk]
    assert event.replay() == []
    let_time_pass()
    assert event.replay() == [BROKEN]


def test_replay_takes_the_event_from_a_dead_holder() -> None:
    lead_created.connect(receivers.broken)
    event = dispatched()
    Event.objects.filter(pk=event.pk).update(claim=uuid.uuid4())
    assert event.replay() == [BROKEN]
    event.refresh_from_db()
    assert event.claim is None


def test_nothing_for_what_was_purged_meanwhile() -> None:
    lead_created.connect(receivers.note)
    event = dispatched()
    Event.objects.all().delete()
    assert Event(pk=event.pk).replay() == []
