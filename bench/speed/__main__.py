"""Measure how fast the app stores a webhook and hands it out, beside yardsticks in one run: `python3 dev.py bench`.

It starts its own PostgreSQL, Redis and web servers, on ports and in folders of its own, and stops them. Only
the ratios mean something: machines differ, and so does one machine from hour to hour. Each round measures every subject
in turn; the table shows medians over the rounds, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.faults.brokers import Redis
from bench.faults.databases import NotHereError, PostgreSQL, find
from bench.faults.processes import end_all
from bench.speed import dispatching
from bench.speed.site import Site
from bench.speed.subjects import BY_NAME, SUBJECTS

#: Subject → figure → one value a round.
Figures = dict[str, dict[str, list[float]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, in about two minutes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of one load")
    parser.add_argument("--events", type=int, default=2000, help="of one backlog")
    parser.add_argument("--only", default="", help="subjects, separated by commas; else all")
    parser.add_argument("--measure", choices=("storing", "dispatching"), help="else both")
    parser.add_argument("--json", type=Path, help="write the figures to this file, for the plot")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.events = 1, 4, 1000
    names = [name.strip() for name in arguments.only.split(",") if name.strip()] or list(BY_NAME)
    if unknown := set(names) - set(BY_NAME):
        parser.error(f"no such subject: {', '.join(sorted(unknown))}; there are: {', '.join(BY_NAME)}")
    try:
        find("wrk")
    except NotHereError as error:
        parser.error(f"{error}: it is the load generator (Debian's package of the same name)")
    folder = Path(tempfile.mkdtemp(prefix="zenvia_bench_"))
    folder.chmod(0o755)
    try:
        figures = measure(folder, names, arguments)
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(folder: Path, names: list[str], arguments: argparse.Namespace) -> Figures:
    database, broker = PostgreSQL(folder / "postgresql"), Redis(folder / "redis")
    database.start()
    broker.start()
    figures: Figures = defaultdict(lambda: defaultdict(list))
    sites = [Site(folder / name.replace(" ", "_"), BY_NAME[name], database, broker) for name in names]
    for number in range(1, arguments.rounds + 1):
        for site in sites:
            say(f"round {number}: {site.subject.name}")
            if arguments.measure != "dispatching":
                store(site, figures[site.subject.name], arguments.seconds)
            if arguments.measure != "storing" and site.subject.name in dispatching.SUBJECTS:
                dispatching.measure(site, figures[site.subject.name], arguments.events)
    if arguments.measure != "dispatching":
        print_storing(figures)
    if arguments.measure != "storing":
        print_table(dispatching.rows(figures))
    for site in sites:
        site.close()
    return {name: dict(found) for name, found in figures.items()}


def store(site: Site, found: dict[str, list[float]], seconds: int) -> None:
    site.start_web()
    try:
        site.load(1)  # warms up
        for name, value in site.load(seconds).items():
            found[name].append(value)
    finally:
        site.stop()


def print_storing(figures: Figures) -> None:
    titles = (
        "requests/s",
        "of the ceiling",
        "p50 ms",
        "p99 ms",
        "processor µs",
        "lowest and highest /s",
        "what it does",
    )
    rows: list[tuple[str, ...]] = [("", *titles)]
    for subject in SUBJECTS:
        if not (found := figures.get(subject.name)):
            continue
        rates = found["rate"]
        shares = [mine / best for mine, best in zip(rates, figures.get("ceiling", found)["rate"], strict=True)]
        rows.append(
            (
                subject.name,
                f"{statistics.median(rates):.0f}",
                f"{statistics.median(shares):.2f}",
                f"{statistics.median(found['p50']):.1f}",
                f"{statistics.median(found['p99']):.0f}",
                f"{statistics.median(found['cpu']):.0f}",
                f"{min(rates):.0f} to {max(rates):.0f}",
                subject.does,
            )
        )
    print_table(rows)


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    say("")
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
