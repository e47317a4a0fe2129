"""CI's matrix: what it covers, and that nothing in it can hang for long."""

from __future__ import annotations

import os
import sys
import time
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.paths import ROOT

VERSIONS = ("lowest", "newest")


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    import matrix

    return matrix


def test_each_two_of_python_database_and_versions_meet(matrix: ModuleType) -> None:
    runs = [run for run in matrix.RUNS if run.what != "load" and not run.is_of_sites]
    pythons, databases = {run.python for run in runs}, set(matrix.DATABASES)
    # One pair is left out, as `runs` says.
    assert {(run.python, run.database) for run in runs} == set(product(pythons, databases)) - {("3.11", "MariaDB")}
    assert {(run.versions, run.database) for run in runs} == set(product(VERSIONS, databases))
    assert {(run.python, run.versions) for run in runs} == set(product(pythons, VERSIONS))


def test_what_hangs_is_ended_with_all_that_it_started_and_says_where(
    matrix: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hangs = "import faulthandler, time; faulthandler.enable(); time.sleep(600)"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hangs!r}, sys.argv[1]])"
    started = time.monotonic()
    with pytest.raises(matrix.subprocess.TimeoutExpired):
        matrix.limited([sys.executable, "-c", starts, str(tmp_path)], dict(os.environ), 3)
    assert time.monotonic() - started < 30
    said = capfd.readouterr()
    assert "Not done after" in said.out
    assert "most recent call first" in said.err
    assert [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in text_of(path)] == []


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # ended meanwhile
        return ""


def test_run_that_can_not_begin_has_failed_and_says_why(
    matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nothing_to_install(*_arguments: object) -> Path:
        raise FileNotFoundError("tests/sites/requirements.txt")

    monkeypatch.setattr(matrix, "environment", nothing_to_install)
    run = matrix.Run(python="3.13", database="SQLite")
    monkeypatch.setattr(matrix, "RUNS", [run])
    monkeypatch.setattr(matrix, "WORK", tmp_path)
    matrix.perform(run, sys.executable)
    assert not run.is_good
    assert run.counts == {"passed": 0, "failed": 1, "skipped": 0}
    assert run.failures == ["tests/sites/requirements.txt"]
