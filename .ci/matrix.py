"""Run the suite in every environment of `runs.RUNS`, or in those that are named by their places: `matrix.py 2 3`.

Prints a table of what ran, and closes with one line that adds it all up. Exits 1 where anything failed or was skipped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from environments import environment, find
from results import counts, failures, print_failures, print_table
from runs import DATABASES, ROOT, RUNS, SITES, WORK, Run

SHOWN = ("django", "djangorestframework", "celery")


def main() -> int:
    WORK.mkdir(parents=True, exist_ok=True)
    ran, absent = [], set()
    chosen = [RUNS[int(place)] for place in sys.argv[1:]]
    for run in chosen or [run for run in RUNS if not run.is_of_sites or sites_are_due()]:
        interpreter = sys.executable if run.by_readme else find(run.python)
        if interpreter is None:
            absent.add(run.python)
            continue
        print(f"\n=== {run.title} ===", flush=True)
        perform(run, interpreter)
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


def sites_are_due() -> bool:
    """Tell whether tests/sites is, or ever was, in this repository: a folder that got lost must not go unnoticed."""
    asked = ["git", "log", "-1", "--format=%h", "--", str(SITES)]
    return SITES.exists() or bool(subprocess.run(asked, cwd=ROOT, capture_output=True).stdout)


def perform(run: Run, interpreter: str) -> None:
    """Run pytest, and note what came of it; whatever goes wrong is a failure of this run alone."""
    report = WORK / f"{RUNS.index(run)}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    failure = ""
    try:
        python = environment(run, interpreter)
        command = [interpreter, "dev.py", "test"] if run.by_readme else [str(python), "-m", "pytest", "-q", "-rfEs"]
        variables = os.environ | {"DATABASE_URL": os.environ[name] if (name := DATABASES[run.database]) else ""}
        # The API's pages are read once of many rows: in the run that has everything.
        variables |= {"TEST_PAGES": "1000"} if run.by_readme else {}
        if exit_code := limited([*command, f"--junitxml={report}", *run.arguments], variables, run.limit):
            failure = f"pytest ended with {exit_code}"
        run.installed = installed(python)
    except (OSError, subprocess.SubprocessError) as error:
        failure = str(error)
    run.seconds = time.monotonic() - started
    if report.exists():
        run.counts, run.failures = counts(report), failures(report)
    if failure and not run.counts.get("failed"):
        run.counts = {"passed": 0, "skipped": 0} | run.counts | {"failed": 1}
        run.failures.append(failure)


def limited(command: list[str], variables: dict[str, str], limit: float) -> int:
    """Run a command to its end; return its exit code.

    Raises TimeoutExpired past `limit` seconds: Python's processes first print where each of their threads is.
    """
    with subprocess.Popen(command, cwd=ROOT, env=variables, start_new_session=True) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"\nNot done after {limit:.0f} s. This is where it hangs:", flush=True)
            kill(process, signal.SIGABRT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            # Its children write theirs, too; they may be slower than it.
            time.sleep(1)
            raise
        finally:
            # Also what outlived it, and also after Ctrl-C.
            kill(process, signal.SIGKILL)


def kill(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def installed(python: Path) -> str:
    code = f"from importlib.metadata import version; print(*map(version, {SHOWN!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
