"""Compares what was answered 200 with what is stored, and that with what each receiver saw and did.

Run in the site's environment as a fresh process, so that it shares no cache and no connection with what is checked: it
reads what was acknowledged as JSON from standard input and prints what it found as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import django

#: Receiver and event id.
Key = tuple[str, int]


@dataclass
class Found:
    """What the database and the receivers' own notes say."""

    stored: int = 0
    #: Acknowledged leads that are not stored.
    missing: list[int] = field(default_factory=list)
    #: Leads that are stored more than once.
    doubled: list[int] = field(default_factory=list)
    #: Receiver and event id where a connected receiver never ran to its end.
    undelivered: list[Key] = field(default_factory=list)
    #: Receiver and event id where the receiver began more than once.
    run_twice: list[Key] = field(default_factory=list)
    #: Receiver and event of a run that began after the receiver's success had been written.
    after_success: list[str] = field(default_factory=list)
    #: Receiver and event where runs of one receiver for one event overlap in time.
    overlapping: list[str] = field(default_factory=list)
    #: Receiver and event of an atomic receiver whose effect is not there exactly once, or is there without its success.
    effects: list[str] = field(default_factory=list)
    #: Event status → count.
    statuses: dict[str, int] = field(default_factory=dict)
    #: Process → how many runs began there.
    processes: dict[str, int] = field(default_factory=dict)


class Step(NamedTuple):
    """One line of the receivers' notes, about one receiver and event."""

    #: "begins", "ends" or "raised"; of a run that was killed, the first alone.
    what: str
    process: str
    #: Seconds since 1970.
    moment: float


#: Seconds that a run may be shorter than a database's clock can tell: SQLite's knows milliseconds.
CLOCK = 0.002
#: Receivers that have exactly one effect in the end.
ATOMIC = ("effect", "effect_too", "fails_at_first")
#: Receivers whose effect stays when they fail. All others are atomic, those that only ever raise included.
NOT_ATOMIC = ("log",)


def main() -> None:
    acknowledged: list[int] = json.load(sys.stdin)
    django.setup()
    from bench.faults.app.models import Effect

    connected = os.environ["FAULTS_RECEIVERS"].split()
    found = Found()
    numbers = read_events(found, acknowledged)
    # Before the successes, with which they are committed.
    effects = Counter(Effect.objects.values_list("receiver", "event_id"))
    successes = read_successes()
    compare_runs(found, numbers, connected, successes, read_seen(Path(os.environ["DATA_DIR"]) / "seen.txt"))
    compare_effects(found, numbers, connected, successes, effects)
    json.dump(asdict(found), sys.stdout)


def read_events(found: Found, acknowledged: Iterable[int]) -> dict[int, int]:
    """Return event id → number of the lead."""
    from zenvia_webhooks.models import Event

    rows = list(Event.objects.filter(payload__isnull=False).values_list("pk", "payload", "status"))
    numbers = {pk: int(payload["data"]["leadId"].removeprefix("lead-")) for pk, payload, _status in rows if payload}
    found.stored = len(numbers)
    found.missing = sorted(set(acknowledged) - set(numbers.values()))
    found.doubled = [number for number, count in Counter(numbers.values()).items() if count > 1]
    found.statuses = dict(Counter(status for _pk, _payload, status in rows))
    return numbers


def read_successes() -> dict[Key, datetime | None]:
    """Return when each success was written."""
    from zenvia_webhooks.models import Delivery

    succeeded = Delivery.objects.filter(status="succeeded").values_list("receiver", "event_id", "finished_at")
    return {(path.rpartition(".")[2], pk): finished_at for path, pk, finished_at in succeeded}


def read_seen(seen: Path) -> dict[Key, list[Step]]:
    """Return what the receivers noted, in the order of the file: each line was appended in one write."""
    runs: defaultdict[Key, list[Step]] = defaultdict(list)
    for line in seen.read_text().splitlines() if seen.exists() else ():
        what, receiver, event, process, moment = line.split()
        runs[receiver, int(event)].append(Step(what, process, float(moment)))
    return dict(runs)


def compare_runs(
    found: Found,
    events: Collection[int],
    connected: Iterable[str],
    successes: Mapping[Key, datetime | None],
    runs: Mapping[Key, Sequence[Step]],
) -> None:
    begun = {key: [step for step in steps if step.what == "begins"] for key, steps in runs.items()}
    ended = {key for key, steps in runs.items() if any(step.what == "ends" for step in steps)}
    found.undelivered = [(receiver, pk) for receiver in connected for pk in events if (receiver, pk) not in ended]
    found.run_twice = sorted(key for key, steps in begun.items() if len(steps) > 1)
    found.processes = dict(Counter(step.process for steps in begun.values() for step in steps))
    for (receiver, pk), finished_at in successes.items():
        began = [step.moment for step in begun.get((receiver, pk), ())]
        if finished_at and any(moment > finished_at.timestamp() + CLOCK for moment in began):
            found.after_success.append(f"{receiver} {pk}")
    found.overlapping = [f"{receiver} {pk}" for (receiver, pk), steps in runs.items() if overlap(steps)]


def overlap(steps: Sequence[Step]) -> bool:
    """Tell whether a run begins while another, which came to an end, was still under way."""
    open_runs: defaultdict[str, list[int]] = defaultdict(list)
    ended: list[tuple[int, int]] = []
    for place, step in enumerate(steps):
        if step.what == "begins":
            open_runs[step.process].append(place)
        else:
            # The last that began there: one before it was killed, and its process id given away again.
            ended.append((open_runs[step.process].pop(), place))
    # By their places, as moments may be equal. What was killed stays open: nobody knows how long it ran.
    return any(steps[place].what == "begins" for first, last in ended for place in range(first + 1, last))


def compare_effects(
    found: Found,
    events: Collection[int],
    connected: Collection[str],
    successes: Collection[Key],
    effects: Counter[Key],
) -> None:
    for receiver in [name for name in ATOMIC if name in connected]:
        wrong = [pk for pk in events if effects[receiver, pk] != 1]
        found.effects += [f"{receiver} {pk}: {effects[receiver, pk]} effects, not 1" for pk in wrong]
    for receiver, pk in sorted(effects.keys() - set(successes)):
        # Not those of an event that was purged, and its deliveries with it.
        if receiver not in NOT_ATOMIC and pk in events:
            found.effects.append(f"{receiver} {pk}: an effect is there, but no success")


if __name__ == "__main__":
    main()
