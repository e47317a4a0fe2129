"""What a host's code raises and is no `Exception` is a failed attempt, and ends no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.exceptions import WorkerShutdown, WorkerTerminate
from django.db import transaction

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.factories import make_subscription
from tests.support.one_receiver import names
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.exceptions import RetryLater
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.delivery import result_of
from zenvia_webhooks.signals import delivery_failed, lead_created, non_atomic, subscription_lost
from zenvia_webhooks.subscriptions.rows import lose

pytestmark = pytest.mark.django_db(transaction=True)


class Stopped(BaseException):
    """A host's own, as test tools and trackers have them."""

    def __str__(self) -> str:
        raise self


class Ended(SystemExit):
    pass


def stops(sender: Any, event: Event, **kwargs: Any) -> None:
    raise Stopped


@non_atomic
def stops_outside(sender: Any, event: Event, **kwargs: Any) -> None:
    raise Stopped


async def stops_later(sender: Any, event: Event, **kwargs: Any) -> None:
    await asyncio.sleep(0)
    raise Stopped


def ends(sender: Any, event: Event, **kwargs: Any) -> None:
    raise Ended(3)


def closes(sender: Any, event: Event, **kwargs: Any) -> None:
    raise GeneratorExit


class Bare(RetryLater):
    def __init__(self) -> None:
        """Leave the parent's out."""


def asks_without_seconds(sender: Any, event: Event, **kwargs: Any) -> None:
    raise Bare


@pytest.mark.parametrize(
    "receiver", [stops, stops_outside, stops_later, ends, closes, asks_without_seconds], ids=lambda it: it.__name__
)
def test_it_is_a_failed_attempt_and_its_sibling_succeeds(receiver: Callable[..., Any]) -> None:
    lead_created.connect(receiver)
    lead_created.connect(receivers.create_customer)
    event = arrived(name="Ana")
    assert dispatch_due() == 1
    assert names() == ["Ana"]
    event.refresh_from_db()
    assert (event.status, event.claim) == (Event.Status.RETRYING, None)
    row = event.deliveries.get(receiver=f"{__name__}.{receiver.__name__}")
    assert (row.status, row.attempts, row.next_attempt_at is None) == ("retrying", 1, False)


def commits_badly(sender: Any, event: Event, **kwargs: Any) -> Customer:
    def stop() -> None:
        raise Stopped

    transaction.on_commit(stop)
    return Customer.objects.create(name="Bia")


def test_what_runs_after_the_commit_takes_no_success_back() -> None:
    lead_created.connect(commits_badly)
    event = arrived()
    dispatch_due()
    assert (names(), event.deliveries.get().status) == (["Bia"], "succeeded")


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Collect the statuses of what our own signals tell of, behind receivers of theirs that end everything."""
    found: list[str] = []

    def hears(signal: Any, sender: Any, **kwargs: Any) -> None:
        found.append(next(kwargs[name].status for name in ("delivery", "subscription") if name in kwargs))

    receivers_of_ours = (tells_and_stops, tells_and_stops_later, hears)
    for signal in (delivery_failed, subscription_lost):
        for receiver in receivers_of_ours:
            signal.connect(receiver)
    yield found
    for signal in (delivery_failed, subscription_lost):
        for receiver in receivers_of_ours:
            assert signal.disconnect(receiver)


def tells_and_stops(sender: Any, **kwargs: Any) -> None:
    raise Stopped


async def tells_and_stops_later(sender: Any, **kwargs: Any) -> None:
    raise Stopped


def test_a_receiver_of_delivery_failed_ends_nothing_and_the_others_hear(
    told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    lead_created.connect(receivers.broken)
    lead_created.connect(receivers.create_customer)
    event = arrived(name="Ana")
    dispatch_due()
    assert (names(), told) == (["Ana"], ["retrying"])
    assert Event.objects.get(pk=event.pk).status == Event.Status.RETRYING
    assert "tells_and_stops_later" in caplog.text


def test_a_receiver_of_subscription_lost_ends_nothing_and_the_others_hear(told: list[str]) -> None:
    lose(make_subscription())
    assert (told, Subscription.objects.get().status) == (["missing"], "missing")


def test_ctrl_c_in_a_receiver_of_ours_passes(told: list[str]) -> None:
    def interrupts(sender: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    subscription_lost.connect(interrupts)
    try:
        with pytest.raises(KeyboardInterrupt):
            lose(make_subscription())
    finally:
        subscription_lost.disconnect(interrupts)


class Keyless(Customer):
    class Meta:
        app_label = "shop"
        proxy = True

    @property
    def pk(self) -> Any:  # type: ignore[override]  # a host may do so
        raise Stopped


def test_a_result_whose_key_can_not_be_read_is_none() -> None:
    assert result_of(Keyless(name="Ana")) == ""


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), WorkerShutdown(0), WorkerTerminate(1), SystemExit(-15)], ids=repr
)
def test_what_ends_the_worker_passes(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_ended(sender: Any, event: Event, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(is_ended, "__qualname__", "is_ended")
    lead_created.connect(is_ended)
    event = arrived()
    with pytest.raises(type(error)):
        dispatch_due()
    assert not event.deliveries.exists()
