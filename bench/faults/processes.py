"""Processes that are started, killed and stopped by their own ids, each in a group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds that a process gets to end by itself: when it is stopped, and when the whole run is ended.
STOP_SECONDS, END_SECONDS = 20, 3
#: Seconds that the system gets to clear away what was killed.
CLEAR_SECONDS = 5

#: What was begun and is not known to be gone, whosever it is.
_begun: set[subprocess.Popen[Any]] = set()
_is_over = False
_lock = threading.Lock()


class OverError(Exception):
    """The whole run is being ended: nothing more is started."""


def begin(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a process in a group of its own, to be killed as one, as a container is."""
    with _lock:
        if _is_over:
            raise OverError
        process = subprocess.Popen(list(command), start_new_session=True, **options)
        _begun.add(process)
    return process


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process and its children, whatever is left of them, and wait until they are gone."""
    if process not in _begun:
        return  # its number may be another's by now
    signal_group(process, signal.SIGKILL)
    process.wait()
    ends = time.monotonic() + CLEAR_SECONDS
    # A child may hold a port or a file for a moment longer than its parent.
    while signal_group(process, 0) and time.monotonic() < ends:
        time.sleep(0.01)
    _begun.discard(process)


def end_all() -> None:
    """Kill everything that was begun here, and let nothing more begin. For the end of the whole run."""
    global _is_over
    with _lock:
        _is_over = True
    for process in _begun.copy():
        resume(process)
        # PostgreSQL's way to leave no shared memory behind.
        signal_group(process, signal.SIGQUIT)
    ends = time.monotonic() + END_SECONDS
    while time.monotonic() < ends and any(process.poll() is None for process in _begun.copy()):
        time.sleep(0.05)
    for process in _begun.copy():
        signal_group(process, signal.SIGKILL)


def signal_group(process: subprocess.Popen[Any], number: int) -> bool:
    """Send a signal, or with 0 none, to a process and its children; tell whether any of them is there."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def pause(process: subprocess.Popen[Any]) -> None:
    """Stop a process and its children where they are, until `resume`."""
    _signal_all(process, signal.SIGSTOP)


def resume(process: subprocess.Popen[Any]) -> None:
    _signal_all(process, signal.SIGCONT)


def _signal_all(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    # The group first, so that it begins no further child; PostgreSQL's are in sessions of their own.
    signal_group(process, number)
    for child in children(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)


def children(process: subprocess.Popen[Any]) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    return []


class Processes:
    """What was started in a folder, by name; each writes a log there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> subprocess.Popen[bytes]:
        assert name not in self.running, f"{name} runs already"
        with self.log_path(name).open("ab") as log:
            self.running[name] = begin(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=user,
            )
        return self.running[name]

    def kill(self, name: str) -> None:
        """Kill a process and its children at once, as the end of a container does."""
        end(self.running[name])
        del self.running[name]

    def pause(self, name: str) -> None:
        pause(self.running[name])

    def resume(self, name: str) -> None:
        resume(self.running[name])

    def stop(self, *names: str, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ask these processes, or all, to end; kill what does not. The last that was started ends first."""
        stopping = tuple(reversed(names or tuple(self.running)))
        for name in stopping:
            resume(self.running[name])
            self.running[name].send_signal(with_signal)
        for name in stopping:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running[name].wait(timeout=STOP_SECONDS)
            # Its children too, should it have left some behind.
            self.kill(name)

    def has_ended(self, name: str) -> bool:
        return self.running[name].poll() is not None

    def children(self, name: str) -> list[int]:
        return children(self.running[name])

    def wait(self, look: Callable[[], T], what: str, seconds: float) -> T:
        """Return the first true value of `look()`. Fails where there is none in time, or a process has ended."""
        ends = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < ends, f"not in {seconds} s: {what}\n{self.tails()}"
            for name, process in self.running.items():
                assert process.poll() is None, f"{name} ended with {process.returncode}\n{self.tails()}"
            time.sleep(0.1)
        return found

    def log(self, name: str) -> str:
        path = self.log_path(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tails(self) -> str:
        return "\n".join(f"--- {name}\n{self.log(name)[-1500:]}" for name in self.running)
