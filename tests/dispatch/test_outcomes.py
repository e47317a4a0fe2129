"""How an attempt that failed is written down, when it is attempted again, and who is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass, seconds_away
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.outcomes import MAX_ERROR_LENGTH, error_text
from zenvia_webhooks.dispatch.retries import delay_after
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import delivery_failed, lead_created

pytestmark = pytest.mark.django_db

BROKEN = "tests.support.receivers.broken"
told: list[tuple[Any, Event, Delivery]] = []


def tell(sender: Any, event: Event, delivery: Delivery, **kwargs: Any) -> None:
    told.append((sender, event, delivery))


def tell_wrongly(sender: Any, **kwargs: Any) -> None:
    raise RuntimeError("the alarm is broken, too")


@pytest.fixture
def _told() -> Iterator[None]:
    told.clear()
    for function in (tell_wrongly, tell):
        delivery_failed.connect(function)
    yield
    for function in (tell_wrongly, tell):
        delivery_failed.disconnect(function)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raises_odd_text(sender: Any, event: Event, **kwargs: Any) -> None:
    raise ValueError("NUL \0, half a pair \ud800, and João")


# What a host sees


@pytest.mark.parametrize("name", ["note", "broken"])
def test_a_host_sees_all_of_a_new_delivery_without_a_query(name: str) -> None:
    seen: list[tuple[str | None, int]] = []

    def look(instance: Delivery, **kwargs: Any) -> None:
        with CaptureQueriesContext(connection) as queries:
            values = {field.attname: getattr(instance, field.attname) for field in Delivery._meta.concrete_fields}
        seen.append((values["failing_receiver"], len(queries)))

    lead_created.connect(getattr(receivers, name))
    arrived()
    post_save.connect(look, sender=Delivery)
    try:
        dispatch_due()
    finally:
        post_save.disconnect(look, sender=Delivery)
    assert seen == [(Delivery.objects.values_list("failing_receiver", flat=True).get(), 0)]


# The schedule


def test_delay_is_spread_by_a_tenth() -> None:
    spread = [delay_after(1) or 0 for _ in range(200)]
    assert all(9 <= delay <= 11 for delay in spread)
    assert min(spread) < 9.5 < 10.5 < max(spread)


def test_delays_end_with_the_schedule(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [10, 1000]}
    first, second, third = (delay_after(attempts) for attempts in (1, 2, 3))
    assert first == pytest.approx(10, rel=0.1)
    assert second == pytest.approx(1000, rel=0.1)
    assert third is None
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": []}
    assert delay_after(1) is None


def test_each_failed_try_moves_on_through_the_schedule(settings: Any) -> None:
    delays = [100, 1000, 10_000]
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": delays}
    lead_created.connect(receivers.broken)
    event = arrived()
    for attempts, delay in enumerate(delays, start=1):
        assert dispatch_due() == 1
        row, event = event.deliveries.get(), Event.objects.get()
        assert (row.status, row.attempts, row.finished_at) == (Delivery.Status.RETRYING, attempts, None)
        assert seconds_away(row.next_attempt_at) == pytest.approx(delay, rel=0.1, abs=30)
        assert (event.status, event.next_attempt_at, event.claim) == ("retrying", row.next_attempt_at, None)
        assert dispatch_due() == 0  # not before its time
        let_time_pass()
    assert dispatch_due() == 1
    row, event = event.deliveries.get(), Event.objects.get()
    assert (row.status, row.attempts, row.next_attempt_at) == (Delivery.Status.FAILED, 4, None)
    assert (event.status, event.next_attempt_at, event.claim) == (Event.Status.FAILED, None, None)
    assert row.finished_at is not None
    assert event.finished_at is not None
    let_time_pass()
    assert dispatch_due() == 0
    assert len(receivers.calls) == 4


def test_event_is_due_when_the_first_of_its_deliveries_is() -> None:
    lead_created.connect(receivers.broken)
    lead_created.connect(receivers.flaky)
    receivers.failures_left = 1
    event = arrived()
    dispatch_due()
    sooner = event.deliveries.order_by("next_attempt_at")[0]
    later = event.deliveries.order_by("next_attempt_at")[1]
    assert Event.objects.get().next_attempt_at == sooner.next_attempt_at
    # The other one keeps its own schedule.
    let_time_pass()
    Delivery.objects.filter(pk=later.pk).update(next_attempt_at=later.next_attempt_at)
    receivers.calls.clear()
    dispatch_due()
    assert [name for name, _event in receivers.calls] == [sooner.receiver.rpartition(".")[2]]
    assert event.deliveries.get(pk=later.pk).attempts == 1


def test_retry_is_counted_before_it_runs() -> None:
    lead_created.connect(count_tries)
    receivers.failures_left = 1
    arrived()
    for _ in range(2):
        dispatch_due()
        let_time_pass()
    assert tries == [None, 2]


tries: list[int | None] = []


def count_tries(sender: Any, event: Event, **kwargs: Any) -> None:
    row = Delivery.objects.filter(event=event).first()
    tries.append(row.attempts if row else None)
    receivers.flaky(sender, event)


# What is kept


def test_error_is_kept_and_forgotten_with_success() -> None:
    lead_created.connect(receivers.flaky)
    receivers.failures_left = 1
    event = arrived()
    dispatch_due()
    assert event.deliveries.get().error == "RuntimeError: the price list is not there yet"
    let_time_pass()
    dispatch_due()
    assert event.deliveries.get().error == ""


def test_error_is_safe_for_every_database(caplog: pytest.LogCaptureFixture) -> None:
    # Its traceback holds the odd text, which pytest can't pass from one of its processes to another.
    caplog.set_level(logging.CRITICAL, "zenvia_webhooks.dispatch.attempts")
    lead_created.connect(raises_odd_text)
    event = arrived()
    dispatch_due()
    assert event.deliveries.get().error == "ValueError: NUL \ufffd, half a pair \ufffd, and João"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ValueError("x" * 10**5), "ValueError: " + "x" * (MAX_ERROR_LENGTH - 12)),
        (ValueError(), "ValueError"),
        (Unprintable(), "tests.dispatch.test_outcomes.Unprintable: <exception str() failed>"),
    ],
)
def test_error_text(error: Exception, kept: str) -> None:
    assert error_text(error) == kept


# Who is told


@pytest.mark.usefixtures("_told")
def test_delivery_failed_is_sent_on_every_failed_try_and_its_own_exception_goes_no_further(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [10]}
    lead_created.connect(receivers.broken)
    lead_created.connect(receivers.note)
    event = arrived()
    for _ in range(3):
        dispatch_due()
        let_time_pass()
    assert [(sender, about) for sender, about, _delivery in told] == [(Delivery, event)] * 2
    as_told = [(delivery.receiver, delivery.status, delivery.attempts) for _sender, _event, delivery in told]
    assert as_told == [(BROKEN, "retrying", 1), (BROKEN, "failed", 2)]
    assert told[0][2].error == "RuntimeError: it never works"
    assert event.deliveries.get(receiver="tests.support.receivers.note").status == Delivery.Status.SUCCEEDED


@pytest.mark.usefixtures("_told")
def test_nobody_is_told_of_a_success() -> None:
    lead_created.connect(receivers.note)
    arrived()
    dispatch_due()
    assert told == []


def test_failure_is_logged_with_its_traceback_and_without_the_payload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lead_created.connect(receivers.broken)
    event = arrived(name="João Silva", email="joao.silva@email.com")
    dispatch_due()
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "zenvia_webhooks.dispatch.attempts"
    assert record.message == f"receiver={BROKEN} failed event={event.pk} attempt=1"
    assert record.exc_info is not None
    assert 'raise RuntimeError("it never works")' in caplog.text
    everything = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "João" not in everything
    assert "joao" not in everything
