"""The processes of the demo: started, watched, and stopped as one."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

HERE = Path(__file__).resolve().parent
WAIT_SECONDS = 60
STOP_SECONDS = 10
LOG_LINES = 20


class DemoFailed(Exception):
    """The demo cannot go on. The text says why, with the end of the log that tells more."""


class Stopped(Exception):
    """Somebody asked the demo to stop."""


class Services:
    """Child processes, each in a session of its own and with a log file in `logs`.

    Their own sessions keep a Ctrl-C from reaching them: they are stopped in order, once, by `stop()`.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stop_asked = False
        # A flag, no exception: one that strikes while a process is being started would leave it behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True

    def start(self, name: str, *arguments: str) -> None:
        """Start Python with `arguments` in the example project's folder."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=HERE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, *arguments: str) -> None:
        """Start Python with `arguments` and wait until it is done. Raises DemoFailed where it fails."""
        self.start(name, *arguments)
        process = self._running[name]
        self.wait_for(f"{name} to finish", lambda: process.poll() is not None, log=name, may_end=name)
        del self._running[name]
        if process.returncode:
            raise self.failure(f"{name} failed with exit code {process.returncode}", name)

    def wait_for(self, what: str, look: Callable[[], T | None], *, log: str, may_end: str | None = None) -> T:
        """Return the first true value of `look()`. Raises DemoFailed after a minute, or if a process ends."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if found := look():
                return found
            self.pause(0.05, may_end)
        raise self.failure(f"waited {WAIT_SECONDS} s for {what}, in vain", log)

    def pause(self, seconds: float, may_end: str | None = None) -> None:
        """Sleep. Raises Stopped where the demo was asked to stop, DemoFailed where a process has ended."""
        time.sleep(seconds)
        if self._stop_asked:
            raise Stopped
        for name, process in self._running.items():
            if name != may_end and process.poll() is not None:
                raise self.failure(f"{name} ended by itself with exit code {process.returncode}", name)

    def failure(self, reason: str, log: str) -> DemoFailed:
        """Return the error that says `reason` and shows the end of a log."""
        path = self._log(log)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        shown = "".join(f"\n  | {line}" for line in lines[-LOG_LINES:])
        return DemoFailed(f"{reason}.\nThe end of {path}:{shown}")

    def stop(self) -> None:
        """Stop all that runs, the last started first, and whatever those have started."""
        for process in reversed(self._running.values()):
            # Its leader alone: Celery's worker takes leave of its own children.
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def choose_port(preferred: int) -> int:
    """Return `preferred`, or a free port where that is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            # Like the servers to come: a port whose last connections are still fading away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                print(f"Port {preferred} is in use: taking another.")
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise DemoFailed("This machine has no free port on 127.0.0.1.")
