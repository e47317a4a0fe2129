"""The checker of the table of faults: it sees each thing that can be wrong, and nothing where all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.faults.check import Found, Key, compare_effects, compare_runs, read_events, read_seen, read_successes
from tests.support.factories import make_event
from zenvia_webhooks.models import Delivery, Event

AT_NOON = datetime(2024, 12, 9, 12, tzinfo=UTC)
NOON = AT_NOON.timestamp()


def stored(number: int | None, status: str = "dispatched") -> Event:
    """Return an event about the lead of that number, or about none, as after an erasure."""
    payload = None if number is None else {"data": {"leadId": f"lead-{number}"}}
    return make_event(payload=payload, status=status)


def events_checked(acknowledged: Iterable[int]) -> Found:
    found = Found()
    read_events(found, acknowledged)
    return found


def runs_checked(
    folder: Path,
    *lines: str,
    events: Collection[int] = (1,),
    connected: Iterable[str] = ("effect",),
    successes: dict[Key, datetime | None] | None = None,
) -> Found:
    """Check notes such as "begins effect 1 11": what, receiver, event, process, and the moment, which else rises."""
    seen = folder / "seen.txt"
    timed = [line if len(line.split()) == 5 else f"{line} {NOON + place}" for place, line in enumerate(lines)]
    seen.write_text("".join(f"{line}\n" for line in timed))
    found = Found()
    compare_runs(found, events, connected, successes or {}, read_seen(seen))
    return found


def effects_checked(effects: dict[Key, int], succeeded: Iterable[Key], *, connected: Iterable[str]) -> list[str]:
    """Check the effects for event 1."""
    found = Found()
    compare_effects(found, [1], list(connected), set(succeeded), Counter(effects))
    return found.effects


# What is stored


@pytest.mark.django_db
def test_stored_leads_are_counted_and_none_else() -> None:
    first, second, erased = stored(7), stored(8), stored(None)
    found = Found()
    assert read_events(found, [7, 8]) == {first.pk: 7, second.pk: 8}
    assert (found.stored, found.missing, found.doubled) == (2, [], [])
    assert erased.pk not in read_events(Found(), [])


@pytest.mark.django_db
def test_lead_that_was_acknowledged_and_is_not_stored_is_missing() -> None:
    stored(7)
    assert events_checked([9, 7, 8]).missing == [8, 9]


@pytest.mark.django_db
def test_lead_that_is_stored_twice_is_doubled() -> None:
    for number in (7, 8, 7):
        stored(number)
    assert events_checked([7, 8]).doubled == [7]


@pytest.mark.django_db
def test_statuses_are_counted() -> None:
    for number, status in enumerate(["dispatched", "failed", "dispatched"]):
        stored(number, status)
    assert events_checked([]).statuses == {"dispatched": 2, "failed": 1}


@pytest.mark.django_db
def test_success_is_known_by_the_receivers_own_name_and_a_failure_is_none() -> None:
    event = stored(7)
    for receiver, status in {"effect": "succeeded", "raises": "failed", "log": "retrying"}.items():
        path = f"bench.faults.app.receivers.{receiver}"
        Delivery.objects.create(event=event, receiver=path, status=status, finished_at=AT_NOON)
    assert read_successes() == {("effect", event.pk): AT_NOON}


# What the receivers saw


def test_receiver_that_never_ran_to_its_end_is_undelivered(tmp_path: Path) -> None:
    lines = ["begins effect 1 11", "ends effect 1 11", "begins effect 2 11", "raised effect 2 11", "begins effect 3 12"]
    found = runs_checked(tmp_path, *lines, events=[1, 2, 3, 4])
    assert found.undelivered == [("effect", 2), ("effect", 3), ("effect", 4)]


def test_each_connected_receiver_is_to_run(tmp_path: Path) -> None:
    lines = ["begins effect 1 11", "ends effect 1 11"]
    assert runs_checked(tmp_path, *lines, connected=["effect", "log"]).undelivered == [("log", 1)]


def test_everything_is_undelivered_where_nobody_wrote_anything_down(tmp_path: Path) -> None:
    found = Found()
    compare_runs(found, [1], ["effect"], {}, read_seen(tmp_path / "seen.txt"))
    assert found.undelivered == [("effect", 1)]


def test_receiver_that_began_twice_has_run_twice_however_it_went(tmp_path: Path) -> None:
    ended = ["begins effect 1 11", "ends effect 1 11"]
    raised = ["begins effect 2 11", "raised effect 2 11", "begins effect 2 11", "ends effect 2 11"]
    killed = ["begins effect 3 12", "begins effect 3 11", "ends effect 3 11"]
    assert runs_checked(tmp_path, *ended, *raised, *killed).run_twice == [("effect", 2), ("effect", 3)]


@pytest.mark.parametrize(("seconds", "is_after"), [(-1.0, False), (0.001, False), (0.01, True)])
def test_run_that_begins_after_the_success_was_written(tmp_path: Path, seconds: float, is_after: bool) -> None:
    lines = [f"begins effect 1 11 {NOON - 2}", f"ends effect 1 11 {NOON + 1}", f"begins effect 1 12 {NOON + seconds}"]
    found = runs_checked(tmp_path, *lines, successes={("effect", 1): AT_NOON, ("effect", 2): AT_NOON})
    assert found.after_success == (["effect 1"] if is_after else [])


@pytest.mark.parametrize(
    "steps",
    [
        "begins 11, begins 12, ends 11, ends 12",
        "begins 11, begins 12, ends 12, ends 11",
        "begins 11, begins 12, raised 11, ends 12",
        "begins 11, begins 12, ends 11",
        "begins 10, begins 11, begins 12, ends 11, ends 12",
        "begins 11, begins 12, ends 12, ends 11, begins 13",
        "begins 11, ends 11, begins 11, begins 12, ends 11, ends 12",
    ],
    ids=[
        "at once",
        "one within the other",
        "one raised",
        "one was killed",
        "a third was killed before",
        "a third was killed later",
        "in a process that ran before",
    ],
)
def test_runs_overlap(tmp_path: Path, steps: str) -> None:
    lines = [f"{what} effect 1 {process}" for what, process in map(str.split, steps.split(", "))]
    alone = ["begins effect 2 11", "ends effect 2 11"]
    assert runs_checked(tmp_path, *alone, *lines).overlapping == ["effect 1"]


@pytest.mark.parametrize(
    "steps",
    [
        "begins 11, ends 11, begins 11, ends 11",
        "begins 11, raised 11, begins 12, ends 12",
        "begins 11, begins 12, ends 12",
        "begins 11, begins 11, ends 11",
        "begins 11, ends 11, begins 12, begins 13, ends 13",
    ],
    ids=[
        "in one process",
        "after one that raised",
        "after one that was killed",
        "after one that was killed, its process id used again",
        "one killed in between",
    ],
)
def test_runs_one_after_the_other_do_not_overlap(tmp_path: Path, steps: str) -> None:
    lines = [f"{what} effect 1 {process}" for what, process in map(str.split, steps.split(", "))]
    assert runs_checked(tmp_path, *lines).overlapping == []


def test_order_of_the_file_tells_where_moments_are_equal(tmp_path: Path) -> None:
    apart = ["begins effect 1 11 5.0", "ends effect 1 11 5.0", "begins effect 1 12 5.0", "ends effect 1 12 5.0"]
    at_once = ["begins effect 2 11 5.0", "begins effect 2 12 5.0", "ends effect 2 11 5.0", "ends effect 2 12 5.0"]
    assert runs_checked(tmp_path, *apart, *at_once).overlapping == ["effect 2"]


def test_runs_of_other_receivers_and_events_do_not_overlap(tmp_path: Path) -> None:
    runs = ("effect 1 11", "log 1 12", "effect 2 13")
    lines = [f"{what} {run}" for what in ("begins", "ends") for run in runs]
    assert runs_checked(tmp_path, *lines).overlapping == []


def test_process_has_the_runs_that_began_there(tmp_path: Path) -> None:
    ended = ["begins effect 1 11", "ends effect 1 11", "begins effect 2 11", "ends effect 2 11"]
    raised, killed = ["begins log 1 12", "raised log 1 12"], ["begins log 2 13"]
    assert runs_checked(tmp_path, *ended, *raised, *killed).processes == {"11": 2, "12": 1, "13": 1}


# What they did


@pytest.mark.parametrize("receiver", ["effect", "effect_too", "fails_at_first"])
@pytest.mark.parametrize(("count", "wrong"), [(0, ["0 effects, not 1"]), (1, []), (2, ["2 effects, not 1"])])
def test_success_of_an_atomic_receiver_has_one_effect(receiver: str, count: int, wrong: list[str]) -> None:
    key = (receiver, 1)
    effects = {key: count} if count else {}
    assert effects_checked(effects, [key], connected=[receiver]) == [f"{receiver} 1: {what}" for what in wrong]


@pytest.mark.parametrize("receiver", ["effect", "raises"])
def test_effect_of_an_atomic_receiver_that_failed_is_to_be_gone(receiver: str) -> None:
    left = effects_checked({(receiver, 1): 1}, [], connected=[receiver])
    assert left == [f"{receiver} 1: an effect is there, but no success"]


def test_receiver_that_only_raises_and_left_nothing_is_as_it_should_be() -> None:
    assert effects_checked({}, [], connected=["raises"]) == []


def test_effects_of_what_is_not_atomic_may_stay_and_double() -> None:
    assert effects_checked({("log", 1): 2}, [], connected=["log"]) == []


def test_effects_for_a_purged_event_are_not_looked_at() -> None:
    assert effects_checked({("raises", 2): 1}, [], connected=["raises"]) == []


def test_receiver_that_is_not_connected_needs_no_effect() -> None:
    assert effects_checked({}, [], connected=["log"]) == []
