"""Pool children and whole workers are killed at every step of an event's way: nothing is lost or done twice."""

from __future__ import annotations

import itertools
import time
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.holds import watched
from bench.faults.site import Site

POINTS = (
    "claims.after_claim",
    "attempts.before_receiver",
    "attempts.after_receiver",
    "outcomes.before_commit",
    "dispatcher.between_receivers",
    "dispatcher.after_finish",
    "attempts.after_count",
)
#: Where nobody comes by but with what a dead worker held, and the point whose death leaves such an event.
OF_THE_DEAD, LEAVES_ONE = "attempts.after_count", "attempts.before_receiver"
WORKERS = ("worker_1", "worker_2")
LEASE, SWEEP = 6, 1
#: Seconds that taking up, and our own looking, may add on a busy machine.
SLACK = 2


def run(case: Case) -> None:
    for database, kills in {"PostgreSQL": (60, 14), "MariaDB": (16, 0), "SQLite": (16, 0)}.items():
        if times := case.amount(*kills):
            options: dict[str, Any] = {
                "receivers": "effect effect_too log",
                "retry_delays": [1] * 8,
                "lease": LEASE,
                "sweep": SWEEP,
            }
            with case.part(f"worker killed, {database}") as line, case.site(database, **options) as site:
                break_it(line, site, times)


def break_it(line: Line, site: Site, kills: int) -> None:
    site.start_web()
    for worker in WORKERS:
        site.start_worker(worker, await_it=False)
    for worker in WORKERS:
        site.await_worker(worker)
    site.start_beat()
    with watched(site) as holds:
        sending = site.send(range(100_000), senders=2, rate=10)
        # Every point is reached by both kinds of death.
        for point, action in itertools.islice(
            itertools.cycle(itertools.product(POINTS, ("kill", "kill group"))), kills
        ):
            try:
                if point == OF_THE_DEAD:
                    await_kill(site, LEAVES_ONE, "kill")
                await_kill(site, point, action)
            except AssertionError as error:
                line.failures.append(str(error))
                break  # to see what that has lost
        sent = site.answered(sending, now=True)
        site.drain(60)
    found = site.check(sent["acknowledged"])
    line.count(sent, found, may_run_twice=True)
    line.expect(holds.longest >= LEASE - 1, f"the longest hold that was seen is {holds.longest:.1f} s: nobody died")
    line.expect(
        holds.longest <= LEASE + SWEEP + SLACK,
        f"an event stayed in dead hands for {holds.longest:.1f} s: {holds.of_longest}",
    )
    line.notes.append(
        f"{kills} kills, half of them of whole workers; longest in one claim {holds.longest:.1f} s, "
        f"with a lease of {LEASE} s and a sweep of {SWEEP} s"
    )


def await_kill(site: Site, point: str, action: str) -> None:
    """Have somebody killed there, and wait for the worker that is gone with it to be there again.

    So that the other worker is always there to take up what the dead one held. One point at a time is armed: which
    worker has ended would not say at which of two it died.
    """
    site.arm(point, action)
    ends = time.monotonic() + 60
    while site.is_armed(point):
        assert time.monotonic() < ends, f"nobody came by {point}\n{site.processes.tails()}"
        time.sleep(0.02)
    while action == "kill group" and not any(map(site.processes.has_ended, WORKERS)):
        assert time.monotonic() < ends, f"no worker died at {point}"
        time.sleep(0.02)
    for worker in WORKERS:
        if site.processes.has_ended(worker):
            site.processes.kill(worker)
            site.start_worker(worker)
