"""The run that breaks things, ended before its time or on a machine that lacks something."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.case import Servers
from bench.faults.databases import MariaDB, NotHereError
from tests.support.host import environment, wait_for
from tests.support.paths import ROOT

#: A row that starts three processes, one with a child, says their numbers, and waits for ever.
RUN = """
import sys, time, types
from bench.faults import __main__ as faults
from bench.faults.processes import Processes
from tests.support.host import environment

def run(case):
    processes = Processes(case.folder)
    for number, command in enumerate((["sleep", "600"], ["sleep", "600"], ["sh", "-c", "sleep 600; true"])):
        processes.start(str(number), command, env=environment(), cwd=case.folder)
    while not (children := processes.children("2")):
        time.sleep(0.01)
    print(*(process.pid for process in processes.running.values()), *children, flush=True)
    time.sleep(600)

row = types.ModuleType("row")
row.run, row.__doc__ = run, "Waits."
sys.modules["bench.faults.rows.row_01"] = row
sys.argv[1:] = ["--rows", "1"]
sys.exit(faults.main())
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env=environment() | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.kill()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What nobody has waited for yet is a zombie, no process.
    return Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whoever_ends_it_finds_nothing_left(
    harness: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    assert harness.stdout is not None
    started = [int(pid) for pid in harness.stdout.readline().split()]
    assert len(started) == 4
    assert all(map(is_there, started))
    # Twice, as a supervisor does that signals a process and its group.
    harness.send_signal(number)
    harness.send_signal(number)
    assert harness.wait(30) == 128 + number
    wait_for(lambda: not any(map(is_there, started)), seconds=5)
    assert list(tmp_path.iterdir()) == []


def test_server_that_is_not_here_is_left_out_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MariaDB, "driver", "no_such_driver")
    servers = Servers(tmp_path)
    for _ in range(2):
        with pytest.raises(NotHereError, match="no_such_driver"):
            servers.database("MariaDB")
