"""Measure how fast the app stores a webhook and hands it out, beside yardsticks in one run: `python3 dev.py bench`.

It starts its own PostgreSQL, Redis and web servers, on ports and in folders of its own, and stops them. Only
the ratios mean something: machines differ, and so does one machine from hour to hour. Each round measures every subject
in turn; the tables show medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from bench.faults.brokers import Redis
from bench.faults.databases import NotHereError, PostgreSQL, find
from bench.faults.processes import end_all
from bench.speed.measures import MAIN, MEASURES, Measure
from bench.speed.scale import HELP, QUICK, Scale
from bench.speed.site import Site
from bench.speed.subjects import BY_NAME
from bench.speed.tables import Figures, say


def main() -> int:
    arguments, scale = parse()
    # Measure → its figures, those of former runs included: a measure that is made again replaces its own alone.
    known: dict[str, Figures] = {}
    if arguments.json and arguments.json.exists():
        known = json.loads(arguments.json.read_text())
    if arguments.show:
        for name in arguments.measure:
            if name in known:
                show(MEASURES[name], known[name])
    else:
        folder = Path(tempfile.mkdtemp(prefix="zenvia_bench_"))
        folder.chmod(0o755)
        try:
            run(folder, arguments, scale, known)
        finally:
            end_all()
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.plot:
        from bench.speed.plot import draw

        draw(known, arguments.plot)
    return 0


def parse() -> tuple[argparse.Namespace, Scale]:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of the main measures, in two minutes")
    measures = f"of {', '.join(MEASURES)}, separated by commas; else all, which takes an hour"
    parser.add_argument("--measure", default="", help=measures)
    parser.add_argument("--only", default="", help=f"of {', '.join(BY_NAME)}, separated by commas; else all")
    for name, text in HELP.items():
        parser.add_argument(f"--{name}", type=int, help=f"{text}: {getattr(Scale(), name):,}")
    parser.add_argument("--json", type=Path, help="keep the figures in this file; what it has of other measures stays")
    parser.add_argument("--plot", type=Path, help="draw the figures into this PNG file")
    parser.add_argument("--show", action="store_true", help="measure nothing: show what the --json file has")
    arguments = parser.parse_args()
    everything = MAIN if arguments.quick else MEASURES
    arguments.measure = _names(parser, "measure", arguments.measure, MEASURES) or list(everything)
    arguments.only = _names(parser, "subject", arguments.only, BY_NAME) or list(BY_NAME)
    if arguments.show and not arguments.json:
        parser.error("--show needs the file of --json")
    if not arguments.show:
        try:
            find("wrk")
        except NotHereError as error:
            parser.error(f"{error}: it is the load generator (Debian's package of the same name)")
    sizes = QUICK if arguments.quick else Scale()
    asked = {name: value for name in HELP if (value := getattr(arguments, name)) is not None}
    if any(value < 1 for value in asked.values()):
        parser.error("the numbers must be greater than 0")
    return arguments, Scale(**{**vars(sizes), **asked})


def _names(parser: argparse.ArgumentParser, kind: str, given: str, known: Iterable[str]) -> list[str]:
    names, all_names = [name.strip() for name in given.split(",") if name.strip()], list(known)
    if unknown := [name for name in names if name not in all_names]:
        parser.error(f"no such {kind}: {', '.join(unknown)}; there are: {', '.join(all_names)}")
    return names


def run(folder: Path, arguments: argparse.Namespace, scale: Scale, known: dict[str, Figures]) -> None:
    """Make the measures; add its figures to `known`, the file and the output as they come."""
    chosen = [MEASURES[name] for name in arguments.measure]
    subjects = [name for name in arguments.only if any(name in measure.subjects for measure in chosen)]
    database, broker = PostgreSQL(folder / "postgresql"), Redis(folder / "redis")
    database.start()
    broker.start()
    sites = [Site(folder / name.replace(" ", "_"), BY_NAME[name], database, broker) for name in subjects]
    for measure in chosen:
        known[measure.name] = make(measure, sites, scale)
        if arguments.json:
            arguments.json.write_text(json.dumps(known, indent=1) + "\n")
        show(measure, known[measure.name])
    for site in sites:
        site.close()


def make(measure: Measure, sites: list[Site], scale: Scale) -> Figures:
    figures: Figures = defaultdict(dict)
    rounds = 1 if measure.is_long else scale.rounds
    for number in range(1, rounds + 1):
        for site in sites:
            if site.subject.name not in measure.subjects:
                continue
            say(f"{measure.name}, round {number} of {rounds}: {site.subject.name}")
            site.empty()
            try:
                measure.measure(site, figures, scale)
            finally:
                site.stop()
    return dict(figures)


def show(measure: Measure, figures: Figures) -> None:
    say(f"\n### {measure.title}")
    measure.report(figures)
    say("")


if __name__ == "__main__":
    sys.exit(main())
