"""How soon a single webhook reaches its receiver while nothing else is going on."""

from __future__ import annotations

import http.client
import statistics
import time

from bench.speed import dispatching
from bench.speed.scale import Scale
from bench.speed.site import CONTACTS, Site
from bench.speed.tables import Figures, median, print_table, ratio, spread

TITLE = "From a request to its receiver, on an idle system"
SUBJECTS = dispatching.SUBJECTS
#: Single webhooks, one after the other. The first ones warm up, web and worker processes alike.
SINGLE, WARM_UP, PAUSE = 25, 5, 0.2
#: When the receiver wrote its row: by the same machine's clock, so it does not matter how often the row is looked for.
NEWEST = f"SELECT extract(epoch FROM created_at) FROM {CONTACTS} ORDER BY id DESC LIMIT 1"


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    site.start_web()
    site.start_workers(2)
    site.wait_for_workers()
    times = [_reached(site) for _ in range(SINGLE)][WARM_UP:]
    figures[site.subject.name].setdefault("latency", []).append(1000 * statistics.median(times))


def post(site: Site, connection: http.client.HTTPConnection) -> None:
    """Post the next webhook over a connection, and wait for the answer."""
    headers, body = site.subject.request(site.next)
    site.next += 1
    connection.request("POST", site.path, body.encode(), {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    assert answer.status == 200, f"{answer.status} {answer.read()!r}\n{site.processes.tails()}"
    answer.read()


def _reached(site: Site) -> float:
    """Return the seconds from the beginning of a request to its receiver's row."""
    time.sleep(PAUSE)
    before = site.ask(dispatching.RECEIVED)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    began = time.time()
    post(site, connection)
    connection.close()
    site.processes.wait(lambda: site.ask(dispatching.RECEIVED) > before, "the receiver has run", 20)
    return float(site.ask(NEWEST)) - began


def report(figures: Figures) -> None:
    rows = [
        (name, median(found, "latency", 1), ratio(figures, name, SUBJECTS[0], "latency"), spread(found, "latency"))
        for name, found in figures.items()
    ]
    print_table(("", "median ms", "of by hand", "lowest and highest median"), rows)
