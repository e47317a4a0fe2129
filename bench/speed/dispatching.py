"""How fast workers hand a backlog to a receiver that is quick."""

from __future__ import annotations

from bench.speed.scale import Scale
from bench.speed.site import CONTACTS, Site
from bench.speed.tables import Figures, median, print_table, ratio

TITLE = "Dispatching a backlog to one quick receiver"
#: What is measured here does something with a webhook later, in a worker.
SUBJECTS = ("by hand", "ours")
#: Worker processes.
PROCESSES = (1, 2, 4)
#: From the first tenth of a backlog to the last, as starting and the last few events are not what is asked for.
RATE = f"""
    SELECT (max(n) - min(n)) / extract(epoch FROM max(created_at) - min(created_at)) FROM (
        SELECT created_at, row_number() OVER (ORDER BY created_at) AS n, count(*) OVER () AS of FROM {CONTACTS}
    ) AS numbered WHERE n BETWEEN of / 10 AND of - of / 10
"""
RECEIVED = f"SELECT count(*) FROM {CONTACTS}"


def wait_for_all(site: Site, number: int) -> None:
    """Wait until receivers have written so many rows, at 20 a second at the least."""
    site.processes.wait(lambda: site.ask(RECEIVED) == number, f"all {number} are handed out", 60 + number / 20)


def drain(site: Site, processes: int, events: int) -> tuple[float, float]:
    """Store so many while no worker runs; return what the workers then hand out a second, and its cost.

    That is their processor time, in µs an event.
    """
    site.fill(events)
    site.start_workers(processes)
    site.wake()
    # Once they have started.
    site.processes.wait(lambda: site.ask(RECEIVED), "the first is handed out", 60)
    used, begun = site.cpu("worker"), site.ask(RECEIVED)
    wait_for_all(site, events)
    # If all was done by the first look, starting was most of what was used.
    assert begun < events, f"{events} events are too few to measure: take more"
    return float(site.ask(RATE)), 1e6 * (site.cpu("worker") - used) / (events - begun)


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    found = figures[site.subject.name]
    for processes in PROCESSES:
        rate, cost = drain(site, processes, scale.events)
        found.setdefault(f"rate_{processes}", []).append(rate)
        found.setdefault(f"cost_{processes}", []).append(cost)
        site.stop()
        site.empty()


def report(figures: Figures) -> None:
    titles = ("worker processes", *(f"{name}, {unit}" for unit in ("events/s", "processor µs") for name in SUBJECTS))
    rows = []
    both = [name for name in SUBJECTS if name in figures]
    for processes in PROCESSES:
        cells = [
            median(figures[name], f"{figure}_{processes}") if name in both else ""
            for figure in ("rate", "cost")
            for name in SUBJECTS
        ]
        shares = [
            ratio(figures, SUBJECTS[1], SUBJECTS[0], f"{figure}_{processes}") if len(both) == 2 else ""
            for figure in ("rate", "cost")
        ]
        rows.append((str(processes), *cells, *shares))
    print_table((*titles, "times as fast", "of its processor time"), rows)
