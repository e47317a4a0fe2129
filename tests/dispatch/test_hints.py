"""When a run tells others that there is more to do."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import OperationalError

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import claims, dispatcher
from zenvia_webhooks.dispatch.claims import Claim, claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

#: How many receivers had been called when a hint was sent.
hints: list[int] = []


@pytest.fixture(autouse=True)
def _count_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    hints.clear()
    monkeypatch.setattr(wakeup, "hint", lambda: hints.append(len(receivers.calls)))
    lead_created.connect(slow)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect how many each claim may take."""
    sizes: list[int] = []

    def claim(limit: int, **options: Any) -> Claim:
        sizes.append(limit)
        return claim_due(limit, **options)

    monkeypatch.setattr(dispatcher, "claim_due", claim)
    return sizes


def slow(sender: Any, event: Event, **kwargs: Any) -> None:
    time.sleep(0.02)
    receivers.calls.append(("slow", event.pk))


def arrive(number: int) -> None:
    for _ in range(number):
        arrived()
    hints.clear()


def test_where_more_is_due_than_was_taken_others_are_called_before_the_work() -> None:
    arrive(11)
    assert dispatch_due() == 11
    assert hints == [0]


def test_a_claim_takes_a_batch_at_most(settings: Any, sizes: list[int]) -> None:
    settings.ZENVIA_WEBHOOKS = {"BATCH_SIZE": 2}
    arrive(3)
    assert [dispatch_due(), dispatch_due()] == [3, 0]
    assert sizes == [2, 2, 2]


def test_nobody_is_called_where_all_was_taken() -> None:
    arrive(9)
    assert dispatch_due() == 9
    assert dispatch_due() == 0
    assert hints == []


def test_slow_run_gives_back_what_it_has_not_begun_and_calls_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "PATIENCE", 0.01)
    arrive(5)
    assert dispatch_due() == 1
    assert hints == [1]
    assert Event.objects.filter(claim=None, status="pending").count() == 4


def test_run_that_gives_back_calls_others_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came for the first hint, before the work, saw nothing of what is released after it."""
    monkeypatch.setattr(dispatcher, "PATIENCE", 0.01)
    arrive(12)
    assert dispatch_due() == 1
    assert hints == [0, 1]


def test_hint_that_expired_during_a_run_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "HINT_EXPIRES", 0.01)
    arrive(12)
    assert dispatch_due(limit=10) == 10
    assert hints == [0, 10]


def test_others_are_called_for_what_was_locked_and_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came for the first hint passed over it."""
    monkeypatch.setattr(claims, "MAX_BYTES", 1)
    arrive(3)
    assert dispatch_due() == 1
    assert hints == [0, 1]


def test_quick_receivers_fill_a_run_with_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "RUN_SECONDS", 100)
    arrive(30)
    assert dispatch_due() == 30
    assert hints == [0]


class UntilFive(RunClock):
    @property
    def may_start(self) -> bool:
        return len(receivers.calls) < 5


def test_a_run_claims_nothing_that_it_may_not_start(settings: Any, sizes: list[int]) -> None:
    settings.ZENVIA_WEBHOOKS = {"BATCH_SIZE": 1}
    arrive(10)
    assert dispatch_due(clock=UntilFive()) == 5
    assert sizes == [1] * 5


def test_a_hint_that_expired_behind_a_stalled_event_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MAX_BYTES", 1)
    monkeypatch.setattr(wakeup, "HINT_EXPIRES", 0.01)
    arrive(3)
    claim_due(1)
    let_time_pass()
    assert dispatch_due() == 2
    assert hints == [0, 1, 2]


def test_slow_receivers_are_claimed_one_event_at_a_time(sizes: list[int]) -> None:
    arrive(12)
    dispatcher.pace.note(1, 4)
    assert dispatch_due(limit=3) == 3
    assert sizes == [1, 2]
    oldest = Event.objects.order_by("pk").values_list("status", flat=True)[0]
    assert oldest == "dispatched"


def test_where_nothing_can_be_claimed_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away, one hint would follow the other."""

    def fail(*arguments: Any, **options: Any) -> Claim:
        raise OperationalError("away")

    arrive(1)
    monkeypatch.setattr(dispatcher, "claim_due", fail)
    with pytest.raises(OperationalError, match="away"):
        dispatch_due()
    assert hints == []


def test_where_the_work_breaks_off_others_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> bool:
        raise OperationalError("away")

    arrive(1)
    monkeypatch.setattr(dispatcher, "dispatch", fail)
    with pytest.raises(OperationalError, match="away"):
        dispatch_due()
    assert hints == [0]
