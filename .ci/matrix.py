"""Run the suite on every database, with every Python and the lowest and newest versions that are allowed.

Prints a table of what ran, and closes with one line that adds it all up. Exits 1 where anything failed or was skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Environments and results; ignored by git.
WORK = ROOT / "build" / "ci"

#: What setup.cfg allows at the least, for each of the libraries whose versions matter.
LOWEST = ["Django==5.2", "celery==5.5.0", "requests==2.32.2"]
LOWEST += ["djangorestframework==3.16.0", "django-filter==25.1", "drf-spectacular==0.28.0"]
SHOWN = ("django", "djangorestframework", "celery")
DATABASES = {"SQLite": "", "PostgreSQL": "TEST_POSTGRES_URL", "MariaDB": "TEST_MARIADB_URL"}
COVERAGE = ["--cov", "--cov-report=term", "--cov-fail-under=85"]
#: Everything, real workers over each broker included; or what differs by database alone.
WHOLE: list[str] = []
#: How much one run does of what takes its time.
LARGE = {"TEST_PAGES": "1000", "LOAD_EVENTS": "20000"}
IN_PROCESS = ["-m", "not worker and not browser"]


@dataclass(kw_only=True)
class Run:
    """One run of the suite."""

    python: str
    database: str
    versions: str = "newest"
    arguments: list[str] = field(default_factory=list)
    #: The command that the README names, in the environment that it makes.
    by_readme: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    #: What each failed test said, behind its name.
    failures: list[str] = field(default_factory=list)
    installed: str = ""
    seconds: float = 0

    @property
    def brokers(self) -> str:
        return "files, Redis, RabbitMQ" if self.arguments != IN_PROCESS else "in process"

    @property
    def is_good(self) -> bool:
        return bool(self.counts) and self.counts["passed"] > 0 and not self.counts["failed"] + self.counts["skipped"]


RUNS = [
    Run(python="3.11", database="SQLite", arguments=WHOLE, by_readme=True),
    Run(python="3.11", database="PostgreSQL", arguments=[*IN_PROCESS, *COVERAGE]),
    Run(python="3.11", database="MariaDB", arguments=IN_PROCESS),
    Run(python="3.11", database="SQLite", versions="lowest", arguments=IN_PROCESS),
    Run(python="3.11", database="PostgreSQL", versions="lowest", arguments=IN_PROCESS),
    Run(python="3.11", database="MariaDB", versions="lowest", arguments=IN_PROCESS),
    Run(python="3.12", database="SQLite", arguments=IN_PROCESS),
    Run(python="3.12", database="MariaDB", arguments=IN_PROCESS),
    Run(python="3.13", database="SQLite", arguments=IN_PROCESS),
    Run(python="3.13", database="PostgreSQL", arguments=WHOLE),
    Run(python="3.13", database="MariaDB", arguments=IN_PROCESS),
]


def main() -> int:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    ran, absent = [], set()
    for run in RUNS:
        interpreter = sys.executable if run.by_readme else find(run.python)
        if interpreter is None:
            absent.add(run.python)
            continue
        title = f"Python {run.python}, {run.versions} versions, {run.database}"
        print(f"\n=== {title} ===", flush=True)
        carry_out(run, interpreter)
        ran.append(run)
    print_table(ran)
    print_failures(ran)
    for version in sorted(absent):
        print(f"Python {version} does not exist on this machine.")
    total = {name: sum(run.counts.get(name, 0) for run in ran) for name in ("passed", "failed", "skipped")}
    good = all(run.is_good for run in ran)
    print("\nGood." if good else "\nNot good: each run must pass whole, with nothing skipped.")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped", flush=True)
    return 0 if good else 1


def find(version: str) -> str | None:
    """Return the path of a Python of this version."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    candidates = [shutil.which(f"python{version}"), *map(str, reversed(found))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            return candidate
    return None


def carry_out(run: Run, interpreter: str) -> None:
    report = WORK / f"{len(list(WORK.glob('*.xml')))}.xml"
    python = ROOT / ".venv/bin/python" if run.by_readme else environment(run, interpreter)
    command = [interpreter, "dev.py", "test"] if run.by_readme else [str(python), "-m", "pytest", "-q", "-rfEs"]
    variables = os.environ | {"DATABASE_URL": os.environ[variable] if (variable := DATABASES[run.database]) else ""}
    variables |= LARGE if run.by_readme else {"LOAD_EVENTS": "1000"}
    started = time.monotonic()
    exit_code = subprocess.run([*command, f"--junitxml={report}", *run.arguments], cwd=ROOT, env=variables).returncode
    run.seconds = time.monotonic() - started
    run.installed = installed(python)
    if report.exists():
        run.counts, run.failures = counts(report), failures(report)
    if exit_code and not run.counts.get("failed"):
        run.counts = {"passed": 0, "skipped": 0} | run.counts | {"failed": 1}


def environment(run: Run, interpreter: str) -> Path:
    """Make a virtual environment with this run's versions, unless an earlier run made it; return its Python."""
    folder = WORK / f"{run.python}-{run.versions}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    lowest = LOWEST if run.versions == "lowest" else []
    requirements = ["-r", "tests/requirements.txt", "-r", "example_project/requirements.txt"]
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, "-e", ".[api,redis,postgres,mysql]", *requirements, *lowest], cwd=ROOT, check=True)
    return python


def installed(python: Path) -> str:
    code = f"from importlib.metadata import version; print(*map(version, {SHOWN!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True).stdout.strip()


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
            print(f"\n--- Python {run.python}, {run.versions} versions, {run.database}: {failure}")


def print_table(runs: list[Run]) -> None:
    rows: list[tuple[str, ...]] = [
        ("Python", "Django, DRF, Celery", "database", "brokers", "passed", "failed", "skipped", "seconds")
    ]
    for run in runs:
        numbers = (str(run.counts.get(name, "-")) for name in ("passed", "failed", "skipped"))
        rows.append((run.python, run.installed, run.database, run.brokers, *numbers, f"{run.seconds:.0f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
