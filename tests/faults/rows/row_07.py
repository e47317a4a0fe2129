"""One good receiver among bad ones: it runs once, and each of them fails on its own schedule."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.faults.case import Case, Line
from tests.faults.site import Site

BAD = ("raises", "breaks_its_transaction", "too_slow", "swallows_the_limit", "hangs", "wants_later")
#: Of them, those that take until a time limit.
SLOW = 3
#: Of them, those that fail at once.
QUICK = ("raises", "wants_later")
DELAYS = (1, 3)
#: What `wants_later` asks for.
LATER = 5
LEASE, SWEEP = 5, 0.5
TRIES = len(DELAYS) + 1
#: Seconds that taking up may add on a busy machine.
SLACK = 2
#: Of a delay, as retries are spread by 10 %; the clock of a database may tell no more than milliseconds.
AT_LEAST, AT_MOST = 0.89, 1.11


def run(case: Case) -> None:
    for database in ("PostgreSQL",) if case.short else ("PostgreSQL", "MariaDB"):
        options: dict[str, Any] = {
            "receivers": f"{' '.join(BAD)} effect",
            "retry_delays": DELAYS,
            "lease": LEASE,
            "sweep": SWEEP,
        }
        with case.part(f"bad receivers, {database}") as line, case.site(database, **options) as site:
            run_them(line, site, case.amount(4, 2))
    options = {"receivers": f"{' '.join(QUICK)} effect", "retry_delays": DELAYS, "sweep": SWEEP}
    with case.part("retries and RetryLater side by side") as line, case.site(**options) as site:
        run_two(line, site, case.amount(20, 10))


def run_them(line: Line, site: Site, events: int) -> None:
    site.start_web()
    site.start_worker(concurrency=4)
    site.start_beat()
    began = time.time()
    sent = site.answered(site.send(range(events)))
    took = site.drain(240)
    found = site.check(sent["acknowledged"])
    line.count(sent, found, bad=BAD, statuses=["failed"])
    deliveries = site.rows("SELECT receiver, status, attempts, event_id FROM zenvia_webhooks_delivery")
    line.expect(len(deliveries) == events * (len(BAD) + 1), f"{len(deliveries)} deliveries")
    for path, status, attempts, event in deliveries:
        receiver = path.rpartition(".")[2]
        expected = ("failed", TRIES) if receiver in BAD else ("succeeded", 1)
        line.expect((status, attempts) == expected, f"{receiver} of event {event} is {status} after {attempts} tries")
    for receiver in BAD:
        for event in range(events):
            judge(line, receiver, site.begun(receiver, event + 1))
    # Each slow sibling, and there are three, may cost it a lease and a sweep.
    at_most = SLOW * (LEASE + SWEEP) + SLACK
    waited = max(site.begun("effect", event + 1)[0] for event in range(events)) - began
    line.expect(waited <= at_most, f"the good one waited {waited:.1f} s")
    line.notes.append(f"all had their {TRIES} tries {took:.0f} s later; the good one ran within {waited:.1f} s")


def run_two(line: Line, site: Site, events: int) -> None:
    """Have nobody slow in the way, so that each schedule shows as it is."""
    site.start_web()
    site.start_worker()
    site.start_beat()
    sent = site.answered(site.send(range(events)))
    site.drain(60)
    line.count(sent, site.check(sent["acknowledged"]), bad=QUICK, statuses=["failed"])
    longest: dict[str, float] = {}
    for receiver, delays in {"raises": DELAYS, "wants_later": [LATER] * len(DELAYS)}.items():
        for event in range(events):
            begun = site.begun(receiver, event + 1)
            line.expect(len(begun) == TRIES, f"{receiver} ran {len(begun)} times")
            for (first, second), delay in zip(itertools.pairwise(begun), delays, strict=False):
                wait = second - first
                at_most = AT_MOST * delay + SWEEP + SLACK
                line.expect(AT_LEAST * delay <= wait <= at_most, f"{receiver} waited {wait:.1f} s, not {delay} s")
                longest[receiver] = max(longest.get(receiver, 0), wait)
    waits = ", ".join(f"{receiver} waited {wait:.1f} s at most" for receiver, wait in longest.items())
    line.notes.append(f"each had its {TRIES} tries, {DELAYS} s apart or {LATER} s as it asked: {waits}")


def judge(line: Line, receiver: str, begun: list[float]) -> None:
    # The first try of an event is not counted beforehand, so one that ends its worker may have one more.
    most = TRIES + (receiver == "hangs")
    line.expect(TRIES <= len(begun) <= most, f"{receiver} ran {len(begun)} times")
    waits = [second - first for first, second in itertools.pairwise(begun)]
    delays = [LATER] * len(waits) if receiver == "wants_later" else [0, *DELAYS][-len(waits) :]
    for wait, delay in zip(waits, delays, strict=False):
        line.expect(wait >= AT_LEAST * delay, f"{receiver} waited {wait:.1f} s, not {delay} s")
    if receiver == "wants_later":
        # Nor is it held up by the others' schedules: each slow sibling costs a lease and a sweep.
        at_most = LATER + SWEEP + SLOW * (LEASE + SWEEP) + SLACK
        line.expect(waits[0] <= at_most, f"{receiver} waited {waits[0]:.1f} s")
