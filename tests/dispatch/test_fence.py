"""An outcome counts only under the claim that it was won with."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.one_receiver import names, outcome, run
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.dispatch.claims import ClaimLostError, claim_due, claim_stalled
from zenvia_webhooks.dispatch.dispatcher import dispatch, dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created, non_atomic

pytestmark = pytest.mark.django_db(transaction=True)


def overtake(event: Event) -> None:
    """Have another worker, with a connection of its own, find that the lease ran out."""

    def take_over() -> None:
        Event.objects.filter(pk=event.pk).update(next_attempt_at=event.received_at)
        assert [held.pk for held in claim_stalled().events] == [event.pk]
        connection.close()

    other = threading.Thread(target=take_over)
    other.start()
    other.join()


def slow(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="slow")
    if connection.vendor == "sqlite":  # it has one writer at a time, so no other worker comes in between
        assert Event.objects.filter(pk=event.pk).update(claim=uuid.uuid4()) == 1
    else:
        overtake(event)


@non_atomic
def slow_outside(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="slow")
    overtake(event)


@non_atomic
def slow_failure_outside(sender: Any, event: Event, **kwargs: Any) -> None:
    slow_outside(sender, event)
    raise RuntimeError("and that")


@pytest.mark.parametrize(
    ("receiver", "kept"),
    [(slow, []), (slow_outside, ["slow"]), (slow_failure_outside, ["slow"])],
)
def test_outcome_of_one_that_lost_its_claim_is_discarded(
    receiver: Any, kept: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    lead_created.connect(receiver)
    lead_created.connect(receivers.note)
    event = arrived()
    assert dispatch_due() == 1
    assert names() == kept
    assert not event.deliveries.exists()
    assert receivers.calls == []  # nor does it go on with the event
    assert f"event {event.pk} is no longer under claim" in caplog.text
    assert Event.objects.get().status == Event.Status.PENDING


def slow_for_ana(sender: Any, event: Event, **kwargs: Any) -> None:
    if event.lead and event.lead.name == "Ana":
        slow(sender, event)


def test_next_event_of_the_batch_goes_on() -> None:
    lead_created.connect(slow_for_ana)
    first, second = arrived(name="Ana"), arrived(name="Rui")
    dispatch_due()
    assert not first.deliveries.exists()
    assert outcome(second) == ("dispatched", "succeeded")


def test_success_takes_effect_once_though_its_first_holder_was_overtaken() -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived(name="Ana")
    overtaken = claim_due(1)
    let_time_pass()
    dispatch_due()
    with pytest.raises(ClaimLostError):
        dispatch(overtaken.events[0], overtaken)
    assert names() == ["Ana"]
    assert outcome(event) == ("dispatched", "succeeded")


def test_retry_is_not_even_run_without_its_claim() -> None:
    event = run(receivers.broken)
    let_time_pass()
    overtaken = claim_due(1)
    Event.objects.update(claim=uuid.uuid4())
    receivers.calls.clear()
    with pytest.raises(ClaimLostError):
        dispatch(overtaken.events[0], overtaken)
    assert receivers.calls == []
    assert event.deliveries.get().attempts == 1


def break_after_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connection break between the commit of `connection_breaks` and the database's answer to it."""
    wrapper: Any = connection
    commit = wrapper._commit

    def commit_and_break(*_arguments: Any) -> None:
        commit()
        if breaks.pop("now", False):
            raise OperationalError("the connection broke")

    monkeypatch.setattr(connection, "_commit", commit_and_break)


@pytest.mark.parametrize("failures", [0, 1])
def test_success_whose_commit_was_not_confirmed_is_no_failure_and_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    receivers.failures_left = failures
    event = run(receivers.flaky) if failures else arrived()
    let_time_pass()
    lead_created.disconnect(receivers.flaky)
    lead_created.connect(connection_breaks, dispatch_uid="tests.support.receivers.flaky")
    break_after_commit(monkeypatch)
    for _ in range(3):
        dispatch_due()
        let_time_pass()
    assert outcome(event) == ("dispatched", "succeeded")
    assert names() == ["once"]


def test_nor_is_one_after_which_another_receiver_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_created.connect(connection_breaks)
    lead_created.connect(receivers.note)
    event = arrived()
    break_after_commit(monkeypatch)
    with pytest.raises(IntegrityError):
        dispatch_due()
    let_time_pass()
    dispatch_due()
    assert list(event.deliveries.values_list("status", flat=True)) == ["succeeded"] * 2
    assert Event.objects.get().status == Event.Status.DISPATCHED
    assert names() == ["once"]


breaks: dict[str, bool] = {}


def connection_breaks(sender: Any, event: Event, **kwargs: Any) -> None:
    Customer.objects.create(name="once")
    breaks["now"] = True
