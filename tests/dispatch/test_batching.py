from __future__ import annotations

import time
from typing import Any

import pytest

from zenvia_webhooks.dispatch.batching import Pace
from zenvia_webhooks.dispatch.lease import MARGIN, SOFT_PART, RunClock
from zenvia_webhooks.wakeup import BACKLOG_SECONDS


def test_nothing_is_started_after_a_fifth_of_the_lease(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 100}
    now = time.monotonic()
    assert RunClock(started=now - 19).may_start
    assert not RunClock(started=now - 20).may_start


def test_receiver_is_late_a_little_before_celery_says_so(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 100}
    now = time.monotonic()
    assert RunClock(started=now - 60).seconds_left == pytest.approx(7, abs=1)
    assert RunClock(started=now - 68).seconds_left < 0
    assert 0 < MARGIN < SOFT_PART


def test_claim_begins_small_and_grows_while_batches_are_quick(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"BATCH_SIZE": 50}
    pace, sizes = Pace(), []
    for _ in range(5):
        sizes.append(pace.size())
        pace.note(pace.size(), 0.001 * pace.size())
    assert sizes == [10, 20, 40, 50, 50]


def test_claim_is_one_event_where_receivers_are_slow_and_grows_again() -> None:
    pace = Pace()
    pace.note(1, 4)
    assert pace.size() == 1
    pace.note(1, 0.01)
    pace.note(2, 0.02)
    assert pace.size() == 4


def test_claim_holds_about_a_quarter_of_a_second_of_work() -> None:
    pace = Pace()
    for _ in range(5):
        pace.note(pace.size(), pace.size() / 120)
    assert pace.size() == 30
    pace.note(3, 0.125)
    assert pace.size() == 6


def test_batch_that_was_not_full_says_nothing_about_more() -> None:
    pace = Pace()
    pace.note(3, 0.003)
    pace.note(0, 0.003, is_full=False)
    assert pace.size() == 10


def test_full_claim_of_which_none_was_begun_was_too_large() -> None:
    pace, sizes = Pace(), []
    for _ in range(5):
        pace.note(0, 60)
        sizes.append(pace.size())
    assert sizes == [5, 2, 1, 1, 1]


def test_events_come_in_their_order_until_one_has_waited_long() -> None:
    pace = Pace()
    pace.note_wait(BACKLOG_SECONDS)
    assert pace.newest_of(10) == 0
    pace.note_wait(BACKLOG_SECONDS + 1)
    assert pace.newest_of(10) == 5
    pace.note_wait(0)
    assert pace.newest_of(10) == 0


def test_odd_one_of_a_backlog_is_the_newest_or_the_oldest_by_chance() -> None:
    pace = Pace()
    pace.note_wait(BACKLOG_SECONDS + 1)
    drawn = {size: {pace.newest_of(size) for _ in range(100)} for size in (1, 5, 10)}
    assert drawn == {1: {0, 1}, 5: {2, 3}, 10: {5}}
