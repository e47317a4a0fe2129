"""Eight workers and two sweepers at once: no event is in two hands, and a late outcome is discarded."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site

WORKERS, SWEEPERS = 8, 2
LEASE, SWEEP = 5, 1


def run(case: Case) -> None:
    for database, events in {"PostgreSQL": (5000, 800), "MariaDB": (5000, 0), "SQLite": (5000, 300)}.items():
        if count := case.amount(*events):
            with case.part(f"8 workers, 2 sweepers, {database}") as line, case.site(database, lease=60) as site:
                crowd(line, site, count)
    options: dict[str, Any] = {"receivers": "effect", "lease": LEASE, "sweep": SWEEP}
    for database in ("PostgreSQL",) if case.short else ("PostgreSQL", "MariaDB"):
        with case.part(f"stopped past its lease, {database}") as line, case.site(database, **options) as site:
            late(line, site)


def crowd(line: Line, site: Site, events: int) -> None:
    site.start_web(threads=8)
    workers = [f"worker_{number}" for number in range(WORKERS)]
    for worker in workers:
        site.start_worker(worker, pool="solo", await_it=False)
    for worker in workers:
        site.await_worker(worker)
    site.start_beat()
    done, errors = threading.Event(), list[str]()

    def sweep() -> None:
        try:
            while not done.is_set():
                site.manage("zenvia_dispatch_events")
        except AssertionError as error:
            errors.append(str(error))

    sweepers = [threading.Thread(target=sweep) for _ in range(SWEEPERS)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        sent = site.answered(site.send(range(events)))
        took = site.drain(300)
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()
    found = site.check(sent["acknowledged"])
    line.count(sent, found)
    line.expect(sent["answers"] == {"200 accepted": events}, f"answers: {sent['answers']}")
    line.expect(len(found["processes"]) >= WORKERS, f"only {len(found['processes'])} processes had work")
    line.expect(not errors, f"a sweeper failed: {errors}")
    line.notes.append(
        f"{len(found['processes'])} processes had work; the last event was delivered {took:.0f} s after the last answer"
    )


def late(line: Line, site: Site) -> None:
    site.start_web()
    # A pool without a time limit of its own, which would kill what is stopped for so long.
    site.start_worker("worker_1", pool="solo")
    # In its receiver's transaction, with the receiver done and nothing written about that yet.
    point = "attempts.after_receiver"
    site.arm(point, "stop")
    sent = site.answered(site.send([0]))
    site.wait(lambda: not site.is_armed(point), "the worker stops itself", 30)
    began = time.monotonic()
    (fired,) = site.points.glob(f"{point}.*.fired")
    stopped = int(fired.name.split(".")[-2])
    site.start_worker("worker_2")
    site.start_beat()
    try:
        site.drain(LEASE + SWEEP + 30)
        took = time.monotonic() - began
    finally:
        os.kill(stopped, signal.SIGCONT)
    lost = "is no longer under claim"
    site.wait(lambda: lost in site.processes.log("worker_1"), "the late outcome is refused", 30)
    time.sleep(SWEEP)
    found = site.check(sent["acknowledged"])
    line.count(sent, found | {"overlapping": []}, may_run_twice=True)
    attempts = site.ask("SELECT attempts FROM zenvia_webhooks_delivery")
    line.expect(attempts <= 2, f"{attempts} attempts")
    line.expect(Path(f"/proc/{stopped}").exists(), "the stopped process did not go on")
    line.notes.append(
        f"delivered by another after {took:.1f} s, the lease being {LEASE} s; the late outcome was discarded"
    )
