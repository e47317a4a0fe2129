"""The database is gone, or its disk is full: only 503 with Retry-After, and normal soon after its return.

Or it says nothing more: then nothing is answered, until it goes on.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.faults.case import Case, Line, Servers
from bench.faults.databases import NotHereError
from bench.faults.site import Site

#: Seconds after the return of the database until everything is as it was.
NORMAL = 5
#: Seconds for which it is looked at then.
AFTER = 3
RATE = 25
#: Seconds of silence: longer than the worker's lease, shorter than the senders' patience.
SILENT = 20
#: A short lease, as what a worker had in hand waits for its end.
OPTIONS: dict[str, Any] = {"lease": 10, "retry_delays": [1] * 60}
REFUSED = "503 try again later"


def run(case: Case) -> None:
    seconds = case.amount(30, 8)
    for database in ("PostgreSQL",) if case.short else ("PostgreSQL", "MariaDB"):
        with case.part(f"{database} stopped for {seconds} s") as line, case.site(database, **OPTIONS) as site:
            stop(line, site, seconds)
    for database in () if case.short else ("PostgreSQL", "MariaDB"):
        with case.part(f"{database} silent for {SILENT} s") as line, case.site(database, **OPTIONS) as site:
            silence(line, site)
    for database in ("PostgreSQL",) if case.short else ("PostgreSQL", "MariaDB"):
        with (
            case.part(f"disk full for {seconds} s, {database}") as line,
            small_disk(case.folder / f"disk_{database}") as disk,
        ):
            shared, case.servers = case.servers, Servers(disk)
            try:
                with case.site(database, **OPTIONS) as site:
                    fill(line, site, disk, seconds)
            finally:
                case.servers.stop()
                case.servers = shared


def stop(line: Line, site: Site, seconds: int) -> None:
    sending = start(site)
    site.database.stop()
    stopped = time.time()
    time.sleep(seconds)
    site.database.start()
    judge(line, site, sending, stopped, time.time())


def fill(line: Line, site: Site, disk: Path, seconds: int) -> None:
    sending = start(site)
    # Without a buffer, which closing the file would try to write.
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(2**16))
        except OSError:
            full = time.time()
    # Also where the server gave up altogether, as it does when it can't write its log.
    time.sleep(seconds)
    (disk / "filler").unlink()
    judge(line, site, sending, full, time.time())


def start(site: Site) -> Any:
    site.start_web()
    site.start_worker()
    site.start_beat()
    sending = site.send(range(100_000), rate=RATE, senders=4, tries=1)
    time.sleep(3)
    return sending


def silence(line: Line, site: Site) -> None:
    sending = start(site)
    site.database.pause()
    time.sleep(SILENT)
    site.database.resume()
    sent = take_stock(line, site, sending, time.time())
    longest = max(sent["latencies"])
    line.expect(longest > SILENT - 1, f"the longest answer took {longest:.1f} s: the database was not silent")
    line.expect(longest < SILENT + NORMAL, f"an answer took {longest:.1f} s")
    line.notes.append(f"answers: {sent['answers']}")


def judge(line: Line, site: Site, sending: Any, gone: float, back: float) -> None:
    sent = take_stock(line, site, sending, back)
    refused = [moment for moment, status in sent["timeline"] if status != 200]
    line.expect(refused, "nothing was refused: the fault was none")
    line.expect(max(sent["latencies"]) < NORMAL, f"an answer took {max(sent['latencies']):.1f} s")
    line.expect(all(moment >= gone - 1 for moment in refused), "webhooks were refused before the fault")
    after = max(refused, default=back) - back
    line.notes.append(f"answers: {sent['answers']}; the last refusal {after:+.1f} s from the return")


def take_stock(line: Line, site: Site, sending: Any, back: float) -> Any:
    """Expect what holds of each fault: nothing lost, no other answer than these, and normal soon after its end."""
    time.sleep(NORMAL + AFTER)
    sent = site.answered(sending, now=True)
    site.drain(120)
    line.count(sent, site.check(sent["acknowledged"]), may_run_twice=True)
    strange = set(sent["answers"]) - {"200 accepted", REFUSED}
    line.expect(not strange, f"answered {strange}")
    normal = [moment for moment, status in sent["timeline"] if status == 200 and moment > back + NORMAL]
    line.expect(len(normal) > RATE * AFTER / 2, f"only {len(normal)} webhooks were taken in after {NORMAL} s")
    late = [moment for moment, status in sent["timeline"] if status != 200 and moment > back + NORMAL]
    line.expect(not late, f"{len(late)} webhooks were refused later than {NORMAL} s after the return")
    return sent


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system that is soon full. Raises NotHereError where this account may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotHereError(f"a small disk can't be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
