"""How fast workers hand a backlog to a receiver, and how soon a single webhook reaches it."""

from __future__ import annotations

import http.client
import statistics
import time
from functools import partial

from bench.speed.site import Site
from bench.speed.subjects import dump

#: What is measured here does something with a webhook later, in a worker.
SUBJECTS = ("by hand", "ours")
#: Worker processes.
PROCESSES = (1, 2)
#: Single webhooks, one after the other, each to workers that have nothing else to do.
SINGLE, PAUSE = 20, 0.2
#: From the first tenth of a backlog to the last, as starting and the last few events are not what is asked for.
RATE = """
    SELECT (max(n) - min(n)) / extract(epoch FROM max(created_at) - min(created_at)) FROM (
        SELECT created_at, row_number() OVER (ORDER BY created_at) AS n, count(*) OVER () AS of
        FROM contacts_contact WHERE id > {}
    ) AS numbered WHERE n BETWEEN of / 10 AND of - of / 10
"""
LAST, CONTACTS = "SELECT coalesce(max(id), 0) FROM contacts_contact", "SELECT count(*) FROM contacts_contact"


def drain(site: Site, processes: int, events: int) -> tuple[float, float]:
    """Store so many while no worker runs; return what the workers then hand out a second, and its cost.

    That is their processor time, in µs an event.
    """
    site.fill(events)
    last, done = site.ask(LAST), site.ask(CONTACTS) + events
    site.start_workers(processes)
    try:
        if site.subject.wake:
            site.manage("shell", "-v0", "-c", site.subject.wake)
        # Once they have started.
        site.processes.wait(lambda: site.ask(LAST) > last, "the first is handed out", 60)
        used, begun = site.cpu("worker"), site.ask(CONTACTS)
        site.processes.wait(lambda: site.ask(CONTACTS) == done, "all are handed out", 120)
        cost = 1e6 * (site.cpu("worker") - used) / (done - begun)
    finally:
        site.stop()
    return float(site.ask(RATE.format(last))), cost


def latency(site: Site) -> float:
    """Return the median milliseconds from the beginning of a request to the row that its receiver inserts."""
    site.start_web()
    site.start_workers(2)
    try:
        # The first ones warm up, web and worker processes alike.
        return 1000 * statistics.median([reached(site) for _ in range(SINGLE)][SINGLE // 4 :])
    finally:
        site.stop()


def reached(site: Site) -> float:
    time.sleep(PAUSE)
    headers, body = site.subject.request(site.next)
    site.next += 1
    before = site.ask(CONTACTS)
    began = time.time()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("POST", site.path, body.encode(), {"Content-Type": "application/json", **headers})
    assert connection.getresponse().status == 200, dump(body)
    connection.close()
    site.processes.wait(lambda: site.ask(CONTACTS) > before, "the receiver has run", 20)
    # By the same machine's clock.
    newest = "SELECT extract(epoch FROM created_at) FROM contacts_contact ORDER BY id DESC LIMIT 1"
    return float(site.ask(newest)) - began


def measure(site: Site, found: dict[str, list[float]], events: int) -> None:
    for processes in PROCESSES:
        rate, cost = drain(site, processes, events)
        found[f"rate_{processes}"].append(rate)
        found[f"cost_{processes}"].append(cost)
    found["latency"].append(latency(site))


def rows(figures: dict[str, dict[str, list[float]]]) -> list[tuple[str, ...]]:
    """Return the table: medians, and the median of each round's ratio."""
    titles = [f"events/s with {processes}" for processes in PROCESSES]
    last = PROCESSES[-1]
    table: list[tuple[str, ...]] = [
        ("", *titles, "of by hand", "processor µs", "of by hand", "request to receiver ms", "of by hand")
    ]
    yardstick = figures.get(SUBJECTS[0], {})
    for name in SUBJECTS:
        if "latency" not in (found := figures.get(name, {})):
            continue
        share = partial(ratio, found, yardstick if "latency" in yardstick else found)
        rates = [f"{statistics.median(found[f'rate_{processes}']):.0f}" for processes in PROCESSES]
        shares = " and ".join(f"{share(f'rate_{processes}'):.1f}" for processes in PROCESSES)
        costs = f"{statistics.median(found[f'cost_{last}']):.0f}", f"{share(f'cost_{last}'):.2f}"
        waits = f"{statistics.median(found['latency']):.1f}", f"{share('latency'):.2f}"
        table.append((name, *rates, shares, *costs, *waits))
    return table


def ratio(mine: dict[str, list[float]], other: dict[str, list[float]], figure: str) -> float:
    return statistics.median(one / two for one, two in zip(mine[figure], other[figure], strict=True))
