"""A receiver that takes half a second, and how long events wait for it."""

from __future__ import annotations

import statistics

from bench.speed import dispatching
from bench.speed.scale import Scale
from bench.speed.site import CONTACTS, Site
from bench.speed.tables import Figures, median, print_table, ratio

SECONDS, PROCESSES = 0.5, 8
TITLE = f"A burst for a receiver of {1000 * SECONDS:.0f} ms, {PROCESSES} worker processes"
SUBJECTS = dispatching.SUBJECTS
#: From the first webhook that is stored to the last row that a receiver writes.
RATE = f"SELECT count(*) / extract(epoch FROM max(created_at) - min(received_at)) FROM {CONTACTS} JOIN {{}}"
WAITS = f"SELECT extract(epoch FROM created_at - received_at) FROM {CONTACTS} JOIN {{}}"


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    site.start_workers(PROCESSES, SECONDS)
    site.wait_for_workers()
    site.fill(scale.slow)
    dispatching.wait_for_all(site, scale.slow)
    # The receiver writes its row when it has slept.
    waits = [float(wait) - SECONDS for wait in site.ask_all(WAITS.format(site.subject.of_contact))]
    assert len(waits) == scale.slow
    found = figures[site.subject.name]
    found.setdefault("rate", []).append(float(site.ask(RATE.format(site.subject.of_contact))))
    found.setdefault("median wait", []).append(statistics.median(waits))
    found.setdefault("longest wait", []).append(max(waits))


def report(figures: Figures) -> None:
    titles = ("", "events/s", "of by hand", "median wait s", "of by hand", "longest wait s", "of by hand")
    rows = []
    for name, found in figures.items():
        cells = [
            cell
            for figure in ("rate", "median wait", "longest wait")
            for cell in (median(found, figure, 1), ratio(figures, name, SUBJECTS[0], figure))
        ]
        rows.append((name, *cells))
    print_table(titles, rows)
