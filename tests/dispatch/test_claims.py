from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from tests.support.webhooks import due_since, let_time_pass, seconds_away
from zenvia_webhooks.dispatch import claims
from zenvia_webhooks.dispatch.claims import (
    ClaimLostError,
    claim_due,
    claim_stalled,
    lock,
    longest_wait,
    release,
)
from zenvia_webhooks.models import Event

CLAIMERS, EVENTS = 4, 60


@pytest.mark.django_db
def test_claim_marks_what_is_due_until_its_lease_ends(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 500}
    [event_id] = due_since(5)
    claim = claim_due(10)
    [event] = claim.events
    assert (event.pk, event.claim) == (event_id, claim.id)
    assert abs(seconds_away(event.next_attempt_at) - 500) < 60
    assert claim_due(10).events == []


@pytest.mark.django_db
def test_what_is_not_due_or_finished_is_not_claimed() -> None:
    later, finished = due_since(-60, 5)
    Event.objects.filter(pk=finished).update(next_attempt_at=None)
    claim = claim_due(10)
    assert (claim.events, claim.is_full) == ([], False)
    assert Event.objects.get(pk=later).claim is None


@pytest.mark.django_db
def test_lease_that_ran_out_is_taken_again(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 0.1}
    [event_id] = due_since(5)
    first = claim_due(10)
    second = claim_stalled()
    deadline = time.monotonic() + 20
    while not second.events and time.monotonic() < deadline:
        second = claim_stalled()
    assert [event.pk for event in first.events] == [event.pk for event in second.events] == [event_id]
    assert first.id != second.id
    with (
        transaction.atomic(),
        pytest.raises(ClaimLostError, match=f"event {event_id} is no longer under claim {first.id}"),
    ):
        lock(first.events[0], first.id)


@pytest.mark.django_db(transaction=True)
def test_lock_is_for_the_holder_alone() -> None:
    due_since(5)
    claim = claim_due(10)
    with transaction.atomic():
        lock(claim.events[0], claim.id)
    with pytest.raises(ClaimLostError), transaction.atomic():
        lock(claim.events[0], uuid.uuid4())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limit", "taken"),
    [
        (2, [9, 0]),
        (3, [9, 0, 1]),
        (4, [9, 0, 8, 1]),
        (10, [9, 0, 8, 1, 7, 2, 6, 3, 5, 4]),
        (50, list(range(10))),
    ],
)
def test_newest_and_oldest_are_handed_out_in_turn(
    monkeypatch: pytest.MonkeyPatch, limit: int, taken: list[int]
) -> None:
    monkeypatch.setattr(claims, "getrandbits", lambda _number: 1)
    ids = due_since(*range(100, 0, -10))
    claim = claim_due(limit, newest=limit // 2)
    assert [ids.index(event.pk) for event in claim.events] == taken
    assert claim.is_full is (limit <= 10)


@pytest.mark.django_db
def test_of_newest_and_oldest_chance_decides_which_come_first() -> None:
    ids = due_since(60, 50, 40, 30)
    firsts = set()
    for _ in range(100):
        claim = claim_due(2, newest=1)
        firsts.add(ids.index(claim.events[0].pk))
        release(claim, claim.events)
    assert firsts == {0, 3}


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "taken"), [(1, [1]), (2, [0, 1]), (3, [0, 1, 2])])
def test_oldest_due_come_first_in_the_order_in_which_they_came(limit: int, taken: list[int]) -> None:
    ids = due_since(20, 30, 10)
    claim = claim_due(limit)
    assert [ids.index(event.pk) for event in claim.events] == taken
    assert claim.waited == pytest.approx(30, abs=5)


@pytest.mark.django_db
def test_the_longest_wait_is_of_what_is_due_and_not_claimed() -> None:
    assert (longest_wait(), claim_due(10).waited) == (0, 0)
    due_since(30, 20, -60)
    assert longest_wait() == pytest.approx(30, abs=5)
    claim_due(1)
    assert longest_wait() == pytest.approx(20, abs=5)


@pytest.mark.django_db
def test_so_many_as_are_asked_for_are_the_newest() -> None:
    ids = due_since(30, 20, 10)
    assert [ids.index(event.pk) for event in claim_due(1, newest=1).events] == [2]
    assert [ids.index(event.pk) for event in claim_due(1, newest=0).events] == [0]


# Stalled events


@pytest.mark.django_db
def test_stalled_events_are_claimed_alone_the_longest_due_first() -> None:
    sound, *stalled = due_since(50, 10, 30, 20)
    Event.objects.filter(pk__in=stalled).update(claim=uuid.uuid4())
    assert [event.pk for event in claim_due(10).events] == [sound]
    claims = [claim_stalled() for _ in range(4)]
    assert [[stalled.index(event.pk) for event in claim.events] for claim in claims] == [[1], [2], [0], []]
    assert [claim.is_stalled for claim in claims] == [True] * 4


@pytest.mark.django_db
def test_held_event_is_no_stalled_event_before_its_lease_ends() -> None:
    due_since(5)
    assert claim_due(1).events
    assert claim_stalled().events == []


@pytest.mark.django_db
def test_stalled_event_that_is_released_stays_one_and_nobody_holds_it() -> None:
    due_since(30)
    dead = claim_due(1)
    let_time_pass()
    due_at = Event.objects.values_list("next_attempt_at", flat=True).get()
    claim = claim_stalled()
    release(claim, claim.events)
    event = Event.objects.get()
    assert event.next_attempt_at == due_at
    assert event.claim not in (None, dead.id, claim.id)
    assert claim_due(1).events == []
    assert claim_stalled().events == [event]


@pytest.mark.django_db
def test_released_is_as_due_as_it_was() -> None:
    due_since(30, 20)
    before = list(Event.objects.order_by("pk").values())
    claim = claim_due(10)
    release(claim, claim.events)
    assert list(Event.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_only_the_holder_gives_back() -> None:
    due_since(30)
    lost = claim_due(10)
    let_time_pass()
    held = claim_stalled()
    release(lost, lost.events)
    assert Event.objects.get().claim == held.id


@pytest.mark.django_db(transaction=True)
def test_claimers_at_the_same_moment_share_no_event() -> None:
    due_since(*range(EVENTS))
    together = threading.Barrier(CLAIMERS)

    def claim_all(_number: int) -> list[int]:
        together.wait(timeout=20)
        mine: list[int] = []
        try:
            while (claim := claim_due(5)).events or claim.is_full:
                mine += [event.pk for event in claim.events]
        finally:
            connection.close()
        return mine

    with ThreadPoolExecutor(CLAIMERS) as pool:
        claimed = [pk for mine in pool.map(claim_all, range(CLAIMERS)) for pk in mine]
    assert len(claimed) == EVENTS
    assert set(claimed) == set(Event.objects.values_list("pk", flat=True))


@pytest.mark.django_db
def test_none_are_claimed_where_none_are_asked_for() -> None:
    due_since(5)
    assert claim_due(0).events == []
    assert len(claim_due(1).events) == 1
