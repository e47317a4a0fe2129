"""Failpoints: nothing without the environment variable, and one process where they are armed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.host import environment
from tests.support.paths import ROOT

REACH = "from zenvia_webhooks import failpoints; failpoints.reach('here'); print('went on')"


def reach(folder: Path | None) -> subprocess.CompletedProcess[str]:
    """Have a process reach the failpoint "here"."""
    variables = environment() | {"PYTHONPATH": str(ROOT), "ZENVIA_FAILPOINTS": str(folder or "")}
    return subprocess.run(
        [sys.executable, "-c", REACH], env=variables, start_new_session=True, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("action", ["kill", "kill group"])
def test_one_process_is_killed_where_it_is_armed(tmp_path: Path, action: str) -> None:
    (tmp_path / "here").write_text(action)
    killed, spared = reach(tmp_path), reach(tmp_path)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "")
    assert (spared.returncode, spared.stdout) == (0, "went on\n")


def test_another_failpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kill")
    assert reach(tmp_path).stdout == "went on\n"


def test_nothing_happens_without_the_variable(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("kill")
    assert reach(None).stdout == "went on\n"
    assert (tmp_path / "here").exists()


def test_unknown_action_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("tickle")
    assert "knows no action 'tickle'" in reach(tmp_path).stderr
