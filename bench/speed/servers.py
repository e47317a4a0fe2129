"""Which web server to use."""

from __future__ import annotations

from bench.speed import storing
from bench.speed.scale import Scale
from bench.speed.site import Site
from bench.speed.tables import Figures, median, print_table, ratio, spread
from bench.speed.webservers import GUNICORN, SERVERS

TITLE = "Storing under each web server, two processes, eight connections"
SUBJECTS = ("ceiling", "ours")


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    for server in SERVERS:
        site.start_web(server)
        storing.warm_up(site)
        found = figures[_name(site.subject.name, server.name)]
        for figure, value in storing.load(site, scale.seconds).items():
            found.setdefault(figure, []).append(value)
        found.setdefault("memory", []).append(site.memory("web"))
        site.stop()
        site.empty()


def _name(subject: str, server: str) -> str:
    return f"{subject}: {server}"


def report(figures: Figures) -> None:
    titles = (
        "",
        "requests/s",
        "of gunicorn, sync",
        "p50 ms",
        "p99 ms",
        "processor µs",
        "MiB of all its processes",
        "lowest and highest /s",
    )
    rows = []
    for name, found in figures.items():
        share = ratio(figures, name, _name(name.partition(": ")[0], GUNICORN.name), "rate")
        times = median(found, "p50", 1), median(found, "p99"), median(found, "cpu")
        rows.append((name, median(found, "rate"), share, *times, median(found, "memory"), spread(found, "rate")))
    print_table(titles, rows)
