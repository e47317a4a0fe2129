"""Half an hour of random kills: nothing is lost, and nothing grows.

One web process and one worker are spared, so that their memory can be watched: see FAULTS_MINUTES for less.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site

MINUTES = float(os.environ.get("FAULTS_MINUTES", "30"))
RATE = 20
#: Seconds between two kills.
PAUSE = 20
#: The part of the time after which memory may no longer grow, and by how much it may.
WARM, GROWTH = 1 / 6, 0.1
KILLED = ("web_1", "worker_1", "beat", "child", "broker")
OPTIONS: dict[str, Any] = {"receivers": "effect effect_too log", "retry_delays": [1] * 60, "lease": 15, "sweep": 5}


def run(case: Case) -> None:
    minutes = 1.0 if case.short else MINUTES
    with case.part(f"random kills for {minutes:g} minutes") as line, case.site(**OPTIONS) as site:
        endure(line, site, 60 * minutes)


def endure(line: Line, site: Site, seconds: float) -> None:
    start: dict[str, Callable[..., None]] = {
        "web_1": site.start_web,
        "web_2": site.start_web,
        "worker_1": site.start_worker,
        "worker_2": site.start_worker,
    }
    for name, verb in start.items():
        verb(name)
    site.start_beat()
    sending = site.send(range(int(RATE * seconds * 2)), rate=RATE, seconds=2 * seconds)
    began, kills, warm = time.monotonic(), 0, dict[str, int]()
    while (elapsed := time.monotonic() - began) < seconds:
        time.sleep(PAUSE)
        if not warm and elapsed + PAUSE >= WARM * seconds:
            warm = memory(site)
        # The last minute is for the last death to be made good.
        if elapsed < seconds - 2 * PAUSE:
            kills += kill(site, random.choice(KILLED), start)
    grown = memory(site)
    sent = site.answered(sending, now=True)
    site.drain(120)
    line.count(sent, site.check(sent["acknowledged"]), may_run_twice=True)
    line.expect(sent["sent"] >= 0.9 * RATE * seconds, f"only {sent['sent']} events were sent")
    for name, before in warm.items():
        line.expect(grown[name] <= before * (1 + GROWTH), f"{name} grew from {before} to {grown[name]} kB")
    line.notes.append(f"{kills} kills; memory in kB after {WARM:.0%} of the time {warm}, at the end {grown}")


def kill(site: Site, what: str, start: Mapping[str, Callable[..., None]]) -> bool:
    """Kill a process, or the broker, and start it again; tell whether there was one."""
    if what == "broker":
        site.broker.processes.kill("broker")
        site.broker.start()
    elif what == "child":
        # Of the worker that is killed as a whole, too; it may just have none.
        children = site.processes.children("worker_1")
        for pid in children[:1]:
            os.kill(pid, signal.SIGKILL)
        return bool(children)
    else:
        site.processes.kill(what)
        if what == "beat":
            site.start_beat()
        else:
            start[what](what, await_it=False)
    return True


def memory(site: Site) -> dict[str, int]:
    """Return the resident memory in kB of the processes that are spared, their children included."""
    found = {}
    for name in ("web_2", "worker_2"):
        pids = [site.processes.running[name].pid, *site.processes.children(name)]
        found[name] = sum(resident(pid) for pid in pids)
    return found


def resident(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
