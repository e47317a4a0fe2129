"""What came of the runs: read from pytest's reports, and printed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from runs import Run

COLUMNS = ("Python", "Django, DRF, Celery", "database", "what", "passed", "failed", "skipped", "seconds")


def counts(report: Path) -> dict[str, int]:
    """Return what a run's report counts."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    tests = failed = skipped = 0
    for suite in suites:
        tests += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return {"passed": tests - failed - skipped, "failed": failed, "skipped": skipped}


def failures(report: Path) -> list[str]:
    """Return name and message of each test that failed in a run's report."""
    found = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        for kind in ("failure", "error", "skipped"):
            for said in case.iter(kind):
                text = f"{said.get('message') or ''}\n{said.text or ''}".strip()
                found.append(
                    f"{case.get('classname')}::{case.get('name')} ({kind})\n{text[:1000]}\n[...]\n{text[-3000:]}"
                )
    return found


def print_failures(runs: list[Run]) -> None:
    """Print what failed once more: the runs' own output is long."""
    for run in runs:
        for failure in run.failures:
            print(f"\n--- {run.title}: {failure}")


def print_table(runs: list[Run]) -> None:
    rows: list[tuple[str, ...]] = [COLUMNS]
    for run in runs:
        numbers = (str(run.counts.get(name, "-")) for name in ("passed", "failed", "skipped"))
        rows.append((run.python, run.installed, run.database, run.what, *numbers, f"{run.seconds:.0f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
