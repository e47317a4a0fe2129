"""A receiver that takes half a second, and how long events wait for it."""

from __future__ import annotations

import http.client
import statistics
import time

from bench.speed import dispatching
from bench.speed.latency import post
from bench.speed.scale import Scale
from bench.speed.site import CONTACTS, Site
from bench.speed.tables import Figures, median, print_table, ratio

SECONDS, PROCESSES = 0.5, 8
#: Webhooks a second, posted at fixed moments: who answers sooner has no more to do for it.
ARRIVING = 100
#: Webhooks before, so that the processes are at work: two for each worker process, on average.
WARM_UP = 2 * PROCESSES
TITLE = f"A burst for a receiver of {1000 * SECONDS:.0f} ms, {PROCESSES} worker processes"
SUBJECTS = dispatching.SUBJECTS
BURST = f"{CONTACTS} JOIN {{}} WHERE {CONTACTS}.id > {WARM_UP}"
#: From the first webhook that is stored to the last row that a receiver writes.
RATE = f"SELECT count(*) / extract(epoch FROM max(created_at) - min(received_at)) FROM {BURST}"
WAITS = f"SELECT extract(epoch FROM created_at - received_at) FROM {BURST}"


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    site.start_web()
    site.start_workers(PROCESSES, SECONDS)
    site.wait_for_workers()
    _post(site, WARM_UP)
    dispatching.wait_for_all(site, WARM_UP)
    _post(site, scale.slow)
    dispatching.wait_for_all(site, WARM_UP + scale.slow)
    # The receiver writes its row when it has slept.
    waits = [float(wait) - SECONDS for wait in site.ask_all(WAITS.format(site.subject.of_contact))]
    assert len(waits) == scale.slow
    found = figures[site.subject.name]
    found.setdefault("rate", []).append(float(site.ask(RATE.format(site.subject.of_contact))))
    found.setdefault("median wait", []).append(statistics.median(waits))
    found.setdefault("longest wait", []).append(max(waits))


def _post(site: Site, number: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    began = time.monotonic()
    for one in range(number):
        time.sleep(max(0, began + one / ARRIVING - time.monotonic()))
        post(site, connection)
    connection.close()


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
