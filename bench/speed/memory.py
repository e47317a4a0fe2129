"""Whether a web process grows with what it stores."""

from __future__ import annotations

import statistics

from bench.speed import storing
from bench.speed.scale import Scale
from bench.speed.site import Site, memory_of
from bench.speed.tables import Figures, print_table

TITLE = "Memory of a web process: gunicorn with two sync workers"
SUBJECTS = ("ceiling", "by hand", "ours")
#: Of one load, at most: requests are made beforehand.
MOST_SECONDS = 20


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    found = figures[site.subject.name]
    site.start_web()
    storing.warm_up(site)
    for number in (scale.first, scale.many):
        while (left := number - site.stored()) > 0:
            # At a rate that no subject exceeds: rather a load more than too many.
            storing.load(site, max(1, min(MOST_SECONDS, left // storing.MOST_A_SECOND)))
        processes = site.processes.children("web")
        found.setdefault("webhooks", []).append(site.stored())
        found.setdefault("MiB", []).append(statistics.mean(map(memory_of, processes)))


def report(figures: Figures) -> None:
    titles = ("", "webhooks of both processes", "MiB of each", "webhooks of both", "MiB of each", "growth")
    rows = []
    for name, found in figures.items():
        cells = [
            cell
            for webhooks, size in zip(found["webhooks"], found["MiB"], strict=True)
            for cell in (f"{webhooks:,.0f}", f"{size:.1f}")
        ]
        rows.append((name, *cells, f"{100 * (found['MiB'][-1] / found['MiB'][0] - 1):+.1f} %"))
    print_table(titles, rows)
