"""How fast webhooks are stored."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.faults.databases import find
from bench.speed.scale import Scale
from bench.speed.site import Site
from bench.speed.subjects import SUBJECTS as ALL
from bench.speed.subjects import requests
from bench.speed.tables import Figures, median, print_table, ratio, spread

TITLE = "Storing: gunicorn with two sync workers, eight connections"
SUBJECTS = tuple(subject.name for subject in ALL)
CEILING = SUBJECTS[0]

CONNECTIONS = 8
#: More than any subject answers in a second on one machine.
MOST_A_SECOND = 3000
#: So many in a second, or a server is not there yet; and how long it may take to come to that.
WARM_UP_REQUESTS, WARM_UP_SECONDS = 20, 20


def warm_up(site: Site) -> None:
    """Post until the processes have their first requests behind them: those take far longer than others."""
    for _ in range(WARM_UP_SECONDS):
        if _post(site, 1)["requests"] >= WARM_UP_REQUESTS:
            return
    told = f"{site.subject.name} answers fewer than {WARM_UP_REQUESTS} requests in a second"
    raise AssertionError(f"{told}, for {WARM_UP_SECONDS} seconds\n{site.processes.tails()}")


def load(site: Site, seconds: int) -> dict[str, float]:
    """Post for so many seconds; return requests a second, latencies in ms and processor µs a request.

    Fails where less is stored than was answered.
    """
    newest, used = site.newest(), site.cpu("web")
    result = _post(site, seconds)
    number = result["requests"]
    assert number > 0, f"{site.subject.name} answered no request in {seconds} s\n{site.processes.tails()}"
    stored = site.stored(after=newest)
    assert stored >= number, f"{site.subject.name} stored {stored} of {number}\n{site.processes.tails()}"
    return {
        "rate": number / result["seconds"],
        "p50": result["p50"],
        "p99": result["p99"],
        "cpu": 1e6 * (site.cpu("web") - used) / number,
    }


def _post(site: Site, seconds: int) -> dict[str, float]:
    """Post for so many seconds; return what `post.lua` says. Fails where an answer was no 2xx."""
    script = str(Path(__file__).with_name("post.lua"))
    lines = site.folder / "requests.txt"
    with lines.open("w", encoding="utf-8") as file:
        for line in requests(site.subject, site.next, MOST_A_SECOND * (seconds + 1)):
            file.write(line + "\n")
    site.next += MOST_A_SECOND * (seconds + 1)
    url = f"http://127.0.0.1:{site.port}{site.path}"
    options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "10s"]
    done = subprocess.run(
        [find("wrk"), *options, "-s", script, url, "--", str(lines)], capture_output=True, text=True, timeout=120
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert found, f"{site.subject.name}: wrk failed\n{done.stdout}{done.stderr}\n{site.processes.tails()}"
    result: dict[str, float] = json.loads(found[0].removeprefix("RESULT "))
    told = f"{site.subject.name} answered with errors: {result}\n{site.processes.tails()}"
    assert result["status"] == result["other"] == 0, told
    return result


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    site.start_web()
    warm_up(site)
    for figure, value in load(site, scale.seconds).items():
        figures[site.subject.name].setdefault(figure, []).append(value)


def report(figures: Figures) -> None:
    titles = (
        "",
        "requests/s",
        "of the ceiling",
        "of by hand",
        "p50 ms",
        "p99 ms",
        "p99 of the ceiling's",
        "processor µs",
        "lowest and highest /s",
        "what it does",
    )
    rows = []
    for subject in ALL:
        if found := figures.get(subject.name):
            shares = [ratio(figures, subject.name, other, "rate") for other in (CEILING, "by hand")]
            p99 = ratio(figures, subject.name, CEILING, "p99")
            times = median(found, "p50", 1), median(found, "p99"), p99, median(found, "cpu")
            rows.append((subject.name, median(found, "rate"), *shares, *times, spread(found, "rate"), subject.does))
    print_table(titles, rows)
