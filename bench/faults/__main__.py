"""Break things, row by row, and print what came through: `python3 dev.py faults`.

Rows 1 to 13 and 16 of docs/reliability.md by default; 14 (planted defects), 15 (half an hour of random kills) and 17
(a quarter of an hour of an outage) by name.
Everything that is broken was started here, on ports and in folders of its own. Exits 1 when a row fails.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from django.conf import settings

from bench.faults import rows
from bench.faults.case import COLUMNS, Case
from bench.faults.processes import end_all
from bench.faults.rows.row_11 import unmount

BY_DEFAULT = (*range(1, 14), 16)
#: Rows whose processes sleep nearly all the time: they run beside the others.
BESIDE = (7, 9, 11)


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py faults", description=__doc__)
    parser.add_argument("--rows", type=numbers, default=list(BY_DEFAULT), help="such as 1,4,7-9; else 1-13,16")
    parser.add_argument("--short", action="store_true", help="smaller counts, for CI: under 8 minutes")
    parser.add_argument("--keep", action="store_true", help="keep logs and data of what was good, too")
    arguments = parser.parse_args()
    known = {int(path.stem.removeprefix("row_")): path.stem for path in Path(rows.__file__).parent.glob("row_*.py")}
    if unknown := [number for number in arguments.rows if number not in known]:
        parser.error(f"no such row: {', '.join(map(str, unknown))}")
    # The stand-in Zenvia of some rows speaks, and without settings it knows no language.
    settings.configure(USE_I18N=False)
    modules = {number: importlib.import_module(f"bench.faults.rows.{known[number]}") for number in arguments.rows}
    folder = Path(tempfile.mkdtemp(prefix="zenvia_faults_"))
    # Database servers run under accounts of their own.
    folder.chmod(0o755)
    cases = [(number, Case(folder / f"row_{number:02}", short=arguments.short)) for number in arguments.rows]
    for asked_to_end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked_to_end, partial(give_up, folder))
    with ThreadPoolExecutor() as beside, ThreadPoolExecutor(max_workers=1) as one_by_one:
        # What mostly waits need not be waited for. Nothing runs in this thread, where signals come in: they interrupt
        # nothing that starts or stops a process.
        results = [(beside if n in BESIDE else one_by_one).submit(perform, n, modules[n], case) for n, case in cases]
        good = all(row.result() for row in results)
    print_table(cases)
    if any(case.left_out for _number, case in cases) and os.environ.get("ZENVIA_REQUIRE_ALL"):
        good = False
    if good and not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"Logs and data are in {folder}.")
    say("Good: nothing was lost." if good else "Not good: see above.")
    return 0 if good else 1


def give_up(folder: Path, number: int, frame: object) -> NoReturn:
    """End it all at once, and leave nothing behind."""
    for asked_to_end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked_to_end, signal.SIG_IGN)
    end_all()
    for disk in filter(Path.is_mount, folder.glob("row_*/disk_*")):
        unmount(disk)
    for _try in range(20):
        # What is just dying may still write.
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.1)
    say("Ended before its time; what was started is stopped.")
    os._exit(128 + number)


def perform(number: int, row: ModuleType, case: Case) -> bool:
    """Run one row; tell whether all of it held."""
    started = time.monotonic()
    for step in (partial(row.run, case), case.servers.stop):
        try:
            step()
        except Exception:  # noqa: BLE001  # whatever it is, the other rows are worth running
            case.line(f"{number} broke off").failures.append(traceback.format_exc())
    say(f"\n=== {number}. {(row.__doc__ or '').splitlines()[0]}")
    for line in case.lines:
        say(f"  {'FAILED' if line.failures else 'ok':6} {line.fault}: {'; '.join(line.notes)}")
        for failure in line.failures:
            say(f"         {failure}")
    for reason in case.left_out:
        say(f"  left out: {reason}")
    say(f"  {time.monotonic() - started:.0f} s")
    return bool(case.lines or case.left_out) and not any(line.failures for line in case.lines)


def print_table(cases: list[tuple[int, Case]]) -> None:
    table: list[tuple[str, ...]] = [("", *COLUMNS)]
    for number, case in cases:
        table += [(f"{number}", *line.cells()) for line in case.lines]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    say("")
    for row in table:
        text = (cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in pairs(row, widths))
        say("  ".join(text).rstrip())
    failed = sum(bool(line.failures) for _number, case in cases for line in case.lines)
    left_out = [reason for _number, case in cases for reason in case.left_out]
    say(f"\n{sum(len(case.lines) for _number, case in cases)} lines, {failed} failed, {len(left_out)} left out.")


def pairs(row: tuple[str, ...], widths: list[int]) -> enumerate[tuple[str, int]]:
    return enumerate(zip(row, widths, strict=True))


def numbers(text: str) -> list[int]:
    """Read "1,4,7-9"."""
    found: list[int] = []
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
