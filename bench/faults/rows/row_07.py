"""One good receiver among bad ones: it runs once, and each of them fails on its own schedule."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site

BAD = ("raises", "breaks_its_transaction", "too_slow", "swallows_the_limit", "hangs", "wants_later")
#: Of them, those that take until a time limit.
SLOW = 3
#: Of them, those that fail at once.
QUICK = ("raises", "leaves_a_transaction_open", "wants_later")
DELAYS = (1, 3)
#: What `wants_later` asks for.
LATER = 5
LEASE, SWEEP = 5, 0.5
ATTEMPTS = len(DELAYS) + 1
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
    sent = site.answered(site.send(range(events)))
    took = site.drain(240)
    found = site.check(sent["acknowledged"])
    line.count(sent, found, bad=BAD, statuses=["failed"])
    deliveries = site.rows("SELECT receiver, status, attempts, event_id FROM zenvia_webhooks_delivery")
    line.expect(len(deliveries) == events * (len(BAD) + 1), f"{len(deliveries)} deliveries")
    for path, status, attempts, event in deliveries:
        receiver = path.rpartition(".")[2]
        expected = ("failed", ATTEMPTS) if receiver in BAD else ("succeeded", 1)
        line.expect(
            (status, attempts) == expected, f"{receiver} of event {event} is {status} after {attempts} attempts"
        )
    for receiver in BAD:
        for event in range(events):
            judge(line, receiver, site.begun(receiver, event + 1))
    # From the start of its event: each slow sibling before it, and there are three, may cost it a lease and a sweep.
    at_most = SLOW * (LEASE + SWEEP) + SLACK
    pks = range(1, events + 1)
    waited = max(site.begun("effect", pk)[0] - site.begun(BAD[0], pk)[0] for pk in pks)
    line.expect(waited <= at_most, f"the good one waited {waited:.1f} s")
    line.notes.append(f"all had their {ATTEMPTS} attempts {took:.0f} s later; the good one waited for {waited:.1f} s")


def run_two(line: Line, site: Site, events: int) -> None:
    """Have nobody slow in the way, so that each schedule shows as it is."""
    site.start_web()
    site.start_worker()
    site.start_beat()
    sent = site.answered(site.send(range(events)))
    site.drain(60)
    line.count(sent, site.check(sent["acknowledged"]), bad=QUICK, statuses=["failed"])
    usual: dict[str, list[float]] = {}
    for receiver, delays in {"raises": DELAYS, "wants_later": [LATER] * len(DELAYS)}.items():
        waits = [site.waits(receiver, event + 1) for event in range(events)]
        line.expect(all(len(of_one) == ATTEMPTS - 1 for of_one in waits), f"{receiver} ran {waits}")
        # The median: a busy machine holds up some.
        usual[receiver] = [statistics.median(number) for number in zip(*waits, strict=False)]
        for shortest, wait, delay in zip(map(min, zip(*waits, strict=False)), usual[receiver], delays, strict=False):
            line.expect(shortest >= AT_LEAST * delay, f"{receiver} waited {shortest:.1f} s, not {delay} s")
            at_most = AT_MOST * delay + SWEEP + SLACK
            line.expect(wait <= at_most, f"{receiver} usually waited {wait:.1f} s, not {delay} s")
    shown = "; ".join(f"{name} {', '.join(f'{wait:.1f} s' for wait in waits)}" for name, waits in usual.items())
    line.notes.append(f"the waits between {ATTEMPTS} attempts, {DELAYS} s being set and {LATER} s asked for: {shown}")


def judge(line: Line, receiver: str, begun: list[float]) -> None:
    # The first attempt of an event is not counted beforehand, so one that ends its worker may have one more.
    most = ATTEMPTS + (receiver == "hangs")
    line.expect(ATTEMPTS <= len(begun) <= most, f"{receiver} ran {len(begun)} times")
    waits = [second - first for first, second in itertools.pairwise(begun)]
    delays = [LATER] * len(waits) if receiver == "wants_later" else [0, *DELAYS][-len(waits) :]
    for wait, delay in zip(waits, delays, strict=False):
        line.expect(wait >= AT_LEAST * delay, f"{receiver} waited {wait:.1f} s, not {delay} s")
    if receiver == "wants_later":
        # Nor is it held up by the others' schedules: each slow sibling costs a lease and a sweep.
        at_most = LATER + SWEEP + SLOW * (LEASE + SWEEP) + SLACK
        line.expect(waits[0] <= at_most, f"{receiver} waited {waits[0]:.1f} s")
