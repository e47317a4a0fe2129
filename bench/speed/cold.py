"""The first webhook that a new web process answers."""

from __future__ import annotations

import dataclasses
import http.client
import time

from bench.speed import latency
from bench.speed.scale import Scale
from bench.speed.site import Site
from bench.speed.tables import Figures, median, print_table, spread
from bench.speed.webservers import GUNICORN

TITLE = "The first webhook of a cold web process: gunicorn with one sync worker"
SUBJECTS = ("ceiling", "by hand", "ours")
#: gunicorn listens before its worker has loaded the project, so a request may wait for that. With --preload it listens
#: once the project is loaded.
KINDS = {"listening": GUNICORN, "loaded": dataclasses.replace(GUNICORN, command=f"{GUNICORN.command} --preload")}


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    for kind, server in KINDS.items():
        site.launch_web(server, workers=1)
        connection = _connected(site)
        began = time.monotonic()
        latency.post(site, connection)
        figures[site.subject.name].setdefault(kind, []).append(1000 * (time.monotonic() - began))
        connection.close()
        site.stop()


def _connected(site: Site) -> http.client.HTTPConnection:
    """Return a connection as soon as the port listens: it is the server's first."""
    ends = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        try:
            connection.connect()
        except ConnectionRefusedError:
            assert time.monotonic() < ends, f"nothing listens\n{site.processes.tails()}"
            time.sleep(0.005)
        else:
            return connection


def report(figures: Figures) -> None:
    titles = ("", "ms, once it listens", "lowest and highest", "ms, once it is loaded, too", "lowest and highest")
    rows = [
        (name, *(cell for kind in KINDS for cell in (median(found, kind), spread(found, kind))))
        for name, found in figures.items()
    ]
    print_table(titles, rows)
