"""Many webhooks at once, on PostgreSQL and Redis with the processes of compose.yaml; and some of those are killed."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.load import Site
from tests.support.servers import need

pytestmark = [pytest.mark.once, pytest.mark.services, pytest.mark.worker, pytest.mark.timeout(1200)]

#: Unique events; a quarter as many duplicates come on top. Few on a developer's machine.
EVENTS = int(os.environ.get("LOAD_EVENTS") or (8_000 if os.environ.get("ZENVIA_REQUIRE_ALL") else 1_000))
SENDERS = 16
#: In seconds; short, as what a killed worker had in hand waits for its end.
LEASE = 15

ERRORS = re.compile(r"^.*(?:\b(?:ERROR|CRITICAL)\b|Traceback).*$", re.MULTILINE)
#: What Celery says about a worker process that was killed.
OF_KILLED_WORKERS = re.compile(r"SIGKILL|WorkerLostError|exited with|Traceback|Timed out waiting for UP")


@pytest.fixture
def start_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    need("PostgreSQL", "Redis")
    sites = []

    def start(**options: Any) -> Site:
        sites.append(Site(tmp_path, **options))
        sites[-1].start()
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {line}")

    return say


def numbers(events: int) -> list[int]:
    """Return what is sent: each event once, and a quarter of them again: most anywhere, some at the same moment."""
    again = random.sample(range(events), events // 4)
    at_once = set(again[: len(again) // 5])
    order = [*range(events), *(number for number in again if number not in at_once)]
    random.shuffle(order)
    # Neighbours are taken by two senders, which race.
    return [copy for number in order for copy in [number] * (2 if number in at_once else 1)]


def answered(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = process.communicate(timeout=900)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(said)
    return result


def open_events(site: Site) -> int:
    count: int = site.ask("SELECT count(*) FROM zenvia_webhooks_event WHERE status <> 'dispatched'")
    return count


def runs(site: Site, receiver: str) -> tuple[int, int]:
    """Return how often a receiver ran, and for how many events."""
    found: tuple[int, int] = site.ask(
        f"SELECT count(*), count(DISTINCT event_id) FROM faults_effect WHERE receiver = '{receiver}'"
    )
    return found


def errors(site: Site) -> list[str]:
    return [line for name in site.names() for line in ERRORS.findall(site.processes.log(name))]


def figures(result: dict[str, Any], events: int, drained: float) -> str:
    seconds = [1000 * taken for taken in result["latencies"]]
    count = len(seconds)
    p50, p99 = seconds[count // 2], seconds[count * 99 // 100]
    return (
        f"{count} answers in {result['seconds']:.0f} s ({count / result['seconds']:.0f} a second), "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {seconds[-1]:.0f} ms; "
        f"the last of {events} events handed out {drained:.0f} s after the last answer"
    )


def test_every_event_is_taken_in_once_and_handed_out_once(
    start_site: Callable[..., Site], say: Callable[[str], None]
) -> None:
    site = start_site()
    result = answered(site.send(numbers(EVENTS), SENDERS))
    last_answer = time.monotonic()
    site.processes.wait(lambda: open_events(site) == 0, "every event is handed out", 600)
    say(figures(result, EVENTS, time.monotonic() - last_answer))

    assert result["answers"] == {"200 accepted": EVENTS, "200 duplicate": EVENTS // 4}
    assert site.ask("SELECT count(*), sum(duplicates) FROM zenvia_webhooks_event") == (EVENTS, EVENTS // 4)
    assert runs(site, "effect") == (EVENTS, EVENTS)
    assert runs(site, "log") == (EVENTS, EVENTS)
    deliveries = site.ask("SELECT count(*), min(status), max(status), max(attempts) FROM zenvia_webhooks_delivery")
    assert deliveries == (2 * EVENTS, "succeeded", "succeeded", 1)
    assert errors(site) == []


def test_nothing_is_lost_when_processes_are_killed_half_way(
    start_site: Callable[..., Site], say: Callable[[str], None]
) -> None:
    site, events = start_site(lease=LEASE), max(1_000, EVENTS // 4)
    senders = site.send(numbers(events), SENDERS)
    stored = "SELECT count(*) FROM zenvia_webhooks_event"
    site.processes.wait(lambda: site.ask(stored) >= events / 2, "half of the events are stored", 600)
    # One web process and one worker as their containers end; of the other worker, one process of its pool, which
    # Celery replaces. What compose.yaml restarts is there again a second later.
    one_child = site.processes.children(site.workers[0])[0]
    ended = ("web1", site.workers[1])
    os.kill(one_child, signal.SIGKILL)
    for name in ended:
        site.processes.kill(name)
    held = site.ask("SELECT count(*) FROM zenvia_webhooks_event WHERE claim IS NOT NULL")
    time.sleep(1)
    for name in ended:
        site.start_one(name)

    result = answered(senders)
    last_answer = time.monotonic()
    site.processes.wait(lambda: open_events(site) == 0, "every event is handed out", 600)
    say(figures(result, events, time.monotonic() - last_answer))
    say(f"{held} events in workers' hands at the kill; {runs(site, 'log')[0] - events} ran again outside")
    say(f"answers: {result['answers']}")

    # Each was answered 200 in the end; and each such answer is true.
    assert len(result["acknowledged"]) == events
    leads = site.ask("SELECT array_agg(payload -> 'data' ->> 'leadId') FROM zenvia_webhooks_event")
    assert sorted(leads) == sorted(f"lead-{number}" for number in result["acknowledged"])
    assert runs(site, "effect") == (events, events)
    assert runs(site, "log")[1] == events
    assert [line for line in errors(site) if not OF_KILLED_WORKERS.search(line)] == []
