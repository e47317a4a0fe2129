"""Events whose holder died: who runs, in which order, and how often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import dispatcher, lease
from zenvia_webhooks.dispatch.claims import Claim, claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import delivery_failed, event_received, lead_created

pytestmark = pytest.mark.django_db

NOTE, KILLS, BROKEN = (
    "tests.support.receivers.note",
    "tests.dispatch.test_stalled.kills",
    "tests.support.receivers.broken",
)
#: Of the first event alone.
kills_left = 0
told: list[tuple[str, int, str, str]] = []


class Killed(KeyboardInterrupt):
    """What no `except` of ours sees, as it would not see a SIGKILL."""


def kills(sender: Any, event: Event, **kwargs: Any) -> None:
    global kills_left
    receivers.calls.append(("kills", event.pk))
    if kills_left > 0:
        kills_left -= 1
        raise Killed


def last(sender: Any, event: Event, **kwargs: Any) -> None:
    receivers.calls.append(("last", event.pk))


def tell(sender: Any, event: Event, delivery: Delivery, **kwargs: Any) -> None:
    told.append((delivery.receiver, delivery.attempts, delivery.status, delivery.error.partition(":")[0]))


@pytest.fixture(autouse=True)
def _listen(settings: Any) -> Iterator[None]:
    global kills_left
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [100, 100]}
    kills_left = 0
    told.clear()
    delivery_failed.connect(tell)
    yield
    delivery_failed.disconnect(tell)


def run() -> None:
    """Dispatch until nothing is due, whoever dies of it, then let every lease and delay run out."""
    try:
        while dispatch_due():
            pass
    except Killed:
        pass
    let_time_pass()


def names() -> list[str]:
    return [name for name, _event in receivers.calls]


def rows(event: Event) -> dict[str, tuple[str, int]]:
    return {row.receiver: (row.status, row.attempts) for row in event.deliveries.all()}


def test_receiver_that_kills_its_worker_runs_once_more_than_tries_are_allowed_and_its_siblings_succeed_once() -> None:
    global kills_left
    kills_left = 100
    for function in (receivers.note, kills, last):
        lead_created.connect(function)
    event_received.connect(receivers.create_customer)
    event = arrived(name="Ana")
    for _ in range(6):
        run()
    assert names() == ["note", "kills", "create_customer", "last", "kills", "kills", "kills"]
    assert rows(event) == {
        NOTE: ("succeeded", 1),
        KILLS: ("failed", 3),
        "tests.dispatch.test_stalled.last": ("succeeded", 1),
        "tests.support.receivers.create_customer": ("succeeded", 1),
    }
    event.refresh_from_db()
    assert (event.status, event.claim, event.next_attempt_at) == (Event.Status.FAILED, None, None)
    # The first of them, of a new event, is the one that nobody knows of.
    assert told == [
        (KILLS, 1, "retrying", "zenvia_webhooks.dispatch.outcomes.WorkerDiedError"),
        (KILLS, 2, "retrying", "zenvia_webhooks.dispatch.outcomes.WorkerDiedError"),
        (KILLS, 3, "failed", "zenvia_webhooks.dispatch.outcomes.WorkerDiedError"),
    ]


def test_retry_that_kills_its_worker_is_counted_and_told_of() -> None:
    global kills_left
    lead_created.connect(receivers.broken)
    event = arrived()
    run()
    lead_created.disconnect(receivers.broken)
    lead_created.connect(kills, dispatch_uid=BROKEN)
    kills_left = 1
    run()
    row = event.deliveries.get()
    assert (row.attempts, row.error) == (2, "")
    run()
    assert rows(event) == {BROKEN: ("succeeded", 3)}
    assert [(attempts, error) for _receiver, attempts, _status, error in told] == [
        (1, "RuntimeError"),
        (2, "zenvia_webhooks.dispatch.outcomes.WorkerDiedError"),
    ]


def test_of_those_that_were_tried_the_one_with_the_fewest_tries_runs_first() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(last)
    event = arrived()
    Event.objects.update(status=Event.Status.RETRYING)
    for receiver, attempts in ((NOTE, 2), ("tests.dispatch.test_stalled.last", 1)):
        event.deliveries.create(receiver=receiver, attempts=attempts, error="so far", next_attempt_at=event.received_at)
    claim_due(1)
    let_time_pass()
    dispatch_due()
    assert names() == ["last", "note"]


def test_neighbours_that_were_never_started_lose_no_attempt_and_run_once() -> None:
    lead_created.connect(receivers.note)
    events = [arrived() for _ in range(5)]
    claim_due(10)
    run()
    assert receivers.calls == []
    run()
    assert sorted(receivers.calls) == [("note", event.pk) for event in events]
    assert {row for event in events for row in rows(event).items()} == {(NOTE, ("succeeded", 1))}
    assert told == []


def test_attempt_of_a_stalled_event_is_counted_before_it_runs_and_fails_like_any_other() -> None:
    lead_created.connect(look)
    event = arrived()
    claim_due(1)
    let_time_pass()
    dispatch_due()
    assert counted == [("retrying", 1)]
    row = event.deliveries.get()
    assert (row.status, row.attempts, row.error) == ("retrying", 1, "RuntimeError: seen")
    assert Event.objects.get().next_attempt_at == row.next_attempt_at
    assert Event.objects.get().claim is None
    assert len(told) == 1


counted: list[tuple[str, int]] = []


def look(sender: Any, event: Event, **kwargs: Any) -> None:
    row = event.deliveries.get()
    counted.append((row.status, row.attempts))
    raise RuntimeError("seen")


def test_stalled_events_run_alone_after_others_are_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lead_created.connect(receivers.note)
    stalled = [arrived() for _ in range(2)]
    claim_due(2)
    let_time_pass()
    sound = [arrived() for _ in range(2)]
    held: list[tuple[int, int]] = []
    dispatch_one = dispatcher.dispatch

    def watch(event: Event, claim: Claim) -> bool:
        held.append((event.pk, Event.objects.filter(claim=claim.id).count()))
        return dispatch_one(event, claim)

    monkeypatch.setattr(dispatcher, "dispatch", watch)
    assert dispatch_due() == 4
    assert held == [(sound[0].pk, 2), (sound[1].pk, 1), (stalled[0].pk, 1), (stalled[1].pk, 1)]


def test_stalled_event_whose_time_was_too_short_stays_one(settings: Any) -> None:
    lead_created.connect(receivers.note)
    arrived()
    claim_due(1)
    let_time_pass()
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 1e-6}
    assert dispatch_due() == 0
    assert receivers.calls == []
    assert Event.objects.exclude(claim=None).count() == 1


def test_run_of_many_stalled_events_ends_after_its_time_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[None] = []
    monkeypatch.setattr(wakeup, "hint", lambda: hints.append(None))
    monkeypatch.setattr(dispatcher, "RUN_SECONDS", 0)
    for _ in range(3):
        arrived()
    claim_due(3)
    let_time_pass()
    assert [dispatch_due() for _ in range(4)] == [1, 1, 1, 0]
    assert len(hints) == 3


def takes_a_while(sender: Any, event: Event, **kwargs: Any) -> None:
    receivers.calls.append(("takes_a_while", event.pk))
    time.sleep(0.05)


def test_with_a_short_lease_stalled_events_have_their_turn_in_the_same_run(settings: Any) -> None:
    stalled = arrived()
    claim_due(1)
    let_time_pass()
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 5}
    lead_created.connect(takes_a_while)
    for _ in range(30):
        arrived()
    dispatcher.pace._size = 1
    dispatch_due()
    assert receivers.calls[-1] == ("takes_a_while", stalled.pk)
    assert len(receivers.calls) < 20


@pytest.mark.usefixtures("_short_time")
def test_stalled_event_has_its_turn_though_others_use_up_the_time_of_every_run() -> None:
    stalled = arrived()
    claim_due(1)
    let_time_pass()
    lead_created.connect(uses_up_the_time)
    for _ in range(3):
        arrived()
    ran: list[int] = []
    for _ in range(4):
        lease.STARTING_PART = 0.2
        assert dispatch_due() == 1
        ran.append(receivers.calls[-1][1])
    # And not before the others.
    assert ran.index(stalled.pk) == 1


@pytest.fixture
def _short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what `uses_up_the_time` changes."""
    monkeypatch.setattr(lease, "STARTING_PART", lease.STARTING_PART)


def uses_up_the_time(sender: Any, event: Event, **kwargs: Any) -> None:
    receivers.calls.append(("uses_up_the_time", event.pk))
    lease.STARTING_PART = 0
