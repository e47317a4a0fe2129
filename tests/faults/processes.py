"""Processes that are started, killed and stopped by their own ids, each in a group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: Seconds that a process gets to end by itself.
STOP_SECONDS = 20


class Processes:
    """What was started in a folder, by name; each writes a log there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> subprocess.Popen[bytes]:
        with self.log_path(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A process group of its own, to be killed as one, as a container is.
                start_new_session=True,
                user=user,
            )
        return self.running[name]

    def kill(self, name: str) -> None:
        """Kill a process and its children at once, as the end of a container does."""
        process = self.running.pop(name)
        signal_group(process, signal.SIGKILL)
        process.wait()

    def pause(self, name: str) -> None:
        signal_group(self.running[name], signal.SIGSTOP)

    def resume(self, name: str) -> None:
        signal_group(self.running[name], signal.SIGCONT)

    def stop(self, *names: str, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ask these processes, or all, to end; kill what does not. The last that was started ends first."""
        stopping = {name: self.running.pop(name) for name in reversed(names or tuple(self.running))}
        for process in stopping.values():
            signal_group(process, signal.SIGCONT)
            process.send_signal(with_signal)
        for process in stopping.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_SECONDS)
            # Its children too, should it have left some behind.
            signal_group(process, signal.SIGKILL)
            process.wait()

    def has_ended(self, name: str) -> bool:
        return self.running[name].poll() is not None

    def children(self, name: str) -> list[int]:
        pid = self.running[name].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

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


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
