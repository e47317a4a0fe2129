"""A backlog after a long outage: whether it is handed out at the full rate to its end, and the worker stays small."""

from __future__ import annotations

import statistics

from bench.speed import dispatching, rows
from bench.speed.scale import Scale
from bench.speed.site import CONTACTS, Site
from bench.speed.tables import Figures, print_table

TITLE = "A long backlog, two worker processes"
SUBJECTS = ("ours",)
#: Of each tenth of the last so many, in their order, the events a second.
TENTHS = f"""
    SELECT (count(*) - 1) / extract(epoch FROM max(created_at) - min(created_at)) FROM (
        SELECT created_at, ntile(10) OVER (ORDER BY id) AS tenth FROM {CONTACTS} WHERE id > {{}}
    ) AS numbered GROUP BY tenth ORDER BY tenth
"""
LAST = f"SELECT coalesce(max(id), 0) FROM {CONTACTS}"


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    found = figures[site.subject.name]
    site.fill(1)
    site.start_workers(2)
    dispatching.wait_for_all(site, 1)
    done = 1
    for name, number in (("first", scale.first), ("many", scale.many)):
        last, done = site.ask(LAST), done + number
        rows.copy_due(site, number)
        site.wake()
        sizes: dict[int, float] = {}

        def look(done: int = done, number: int = number, sizes: dict[int, float] = sizes) -> bool:
            left = done - site.ask(dispatching.RECEIVED)
            tenth = min(10 * (number - left) // number, 9)
            sizes[tenth] = max(sizes.get(tenth, 0.0), site.memory("worker"))
            return bool(left == 0)

        site.processes.wait(look, f"all {number} are handed out", 60 + number / 20)
        found[f"{name}: rates"] = [float(rate) for rate in site.ask_all(TENTHS.format(last))]
        # In a tenth that was over before the next look, it was what it was in the one before.
        found[f"{name}: MiB"] = [
            sizes[max(one for one in sizes if one <= max(tenth, min(sizes)))] for tenth in range(10)
        ]
        found[f"{name}: events"] = [number]


def report(figures: Figures) -> None:
    titles = ("events", "events/s", "of each tenth", "slowest tenth of the median", "MiB in each tenth")
    table = []
    for found in figures.values():
        for name in ("first", "many"):
            rates, middle = found[f"{name}: rates"], statistics.median(found[f"{name}: rates"])
            sizes = ", ".join(f"{size:.0f}" for size in found[f"{name}: MiB"])
            tenths = ", ".join(f"{rate:.0f}" for rate in rates)
            table.append(
                (f"{found[f'{name}: events'][0]:,}", f"{middle:.0f}", tenths, f"{min(rates) / middle:.2f}", sizes)
            )
    print_table(titles, table)
