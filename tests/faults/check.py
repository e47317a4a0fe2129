"""Compares what was answered 200 with what is stored, and that with what each receiver saw and did.

Run in the site's environment as a fresh process, so that it shares no cache and no connection with what is checked: it
reads what was acknowledged as JSON from standard input and prints what it found as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import django


@dataclass
class Found:
    """What the database and the receivers' own notes say."""

    stored: int = 0
    #: Acknowledged leads that are not stored.
    missing: list[int] = field(default_factory=list)
    #: Leads that are stored more than once.
    doubled: list[int] = field(default_factory=list)
    #: Receiver and event id where a connected receiver never ran to its end.
    undelivered: list[tuple[str, int]] = field(default_factory=list)
    #: Receiver and event id where the receiver began more than once.
    run_twice: list[tuple[str, int]] = field(default_factory=list)
    #: Receiver and event of a run that began after the receiver's success had been written.
    after_success: list[str] = field(default_factory=list)
    #: Receiver and event where runs of one receiver for one event overlap in time.
    overlapping: list[str] = field(default_factory=list)
    #: Receiver and event of an atomic receiver whose effect is not there exactly once.
    effects: list[str] = field(default_factory=list)
    #: Event status → count.
    statuses: dict[str, int] = field(default_factory=dict)
    #: Process → how many runs began there.
    processes: dict[str, int] = field(default_factory=dict)


#: Seconds that a run may be shorter than a database's clock can tell: SQLite's knows milliseconds.
CLOCK = 0.002
ATOMIC = ("effect", "effect_too")


def main() -> None:
    acknowledged: list[int] = json.load(sys.stdin)
    django.setup()
    found = Found()
    numbers = read_events(found, acknowledged)
    read_runs(found, numbers, Path(os.environ["DATA_DIR"]) / "seen.txt")
    read_effects(found, numbers)
    json.dump(asdict(found), sys.stdout)


def read_events(found: Found, acknowledged: list[int]) -> dict[int, int]:
    from zenvia_webhooks.models import Event

    rows = list(Event.objects.exclude(payload=None).values_list("pk", "payload", "status"))
    numbers = {pk: int(payload["data"]["leadId"].removeprefix("lead-")) for pk, payload, _status in rows if payload}
    found.stored = len(numbers)
    found.missing = sorted(set(acknowledged) - set(numbers.values()))
    found.doubled = [number for number, count in Counter(numbers.values()).items() if count > 1]
    found.statuses = dict(Counter(status for _pk, _payload, status in rows))
    return numbers


def read_runs(found: Found, numbers: dict[int, int], seen: Path) -> None:
    from zenvia_webhooks.models import Delivery

    runs: defaultdict[tuple[str, int], list[tuple[float, str]]] = defaultdict(list)
    processes: Counter[str] = Counter()
    for line in seen.read_text().splitlines() if seen.exists() else ():
        what, receiver, event, process, moment = line.split()
        runs[receiver, int(event)].append((float(moment), what))
        processes[process] += what == "begins"
    connected = os.environ["FAULTS_RECEIVERS"].split()
    ended = {key for key, moments in runs.items() if any(what == "ends" for _moment, what in moments)}
    found.undelivered = [(receiver, pk) for receiver in connected for pk in numbers if (receiver, pk) not in ended]
    begun = {key: sum(what == "begins" for _moment, what in moments) for key, moments in runs.items()}
    found.run_twice = sorted(key for key, count in begun.items() if count > 1)
    found.processes = dict(processes)
    succeeded = Delivery.objects.filter(status="succeeded").values_list("receiver", "event_id", "finished_at")
    for path, pk, finished_at in succeeded:
        receiver = path.rpartition(".")[2]
        began = [moment for moment, what in runs[receiver, pk] if what == "begins"]
        if finished_at and any(moment > finished_at.timestamp() + CLOCK for moment in began):
            found.after_success.append(f"{receiver} {pk}")
    found.overlapping = [f"{receiver} {pk}" for (receiver, pk), moments in runs.items() if overlap(moments)]


def overlap(moments: list[tuple[float, str]]) -> bool:
    """Tell whether a run begins while an earlier one, which came to its end, was still under way."""
    steps = [what for _moment, what in sorted(moments)]
    # A run that was killed has no end: only where each has one can they be told apart.
    return steps.count("begins") == steps.count("ends") and ("begins", "begins") in itertools.pairwise(steps)


def read_effects(found: Found, numbers: dict[int, int]) -> None:
    from tests.faults.app.models import Effect

    counts = Counter(Effect.objects.values_list("receiver", "event_id"))
    for receiver in set(ATOMIC) & set(os.environ["FAULTS_RECEIVERS"].split()):
        found.effects += [f"{receiver} {pk}: {counts[receiver, pk]}" for pk in numbers if counts[receiver, pk] != 1]


if __name__ == "__main__":
    main()
