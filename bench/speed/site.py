"""A subject's own database, web server and workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bench.faults.brokers import Redis
from bench.faults.databases import PostgreSQL, find
from bench.faults.processes import Processes, children
from bench.speed.subjects import Subject, requests
from tests.support.host import answers, environment, free_port
from tests.support.paths import ROOT

CONNECTIONS = 8
#: More than any subject answers in a second on one machine.
MOST_A_SECOND = 3000
SECOND_TICKS = os.sysconf("SC_CLK_TCK")


class Site:
    """The processes of one subject; they run only while it is its turn."""

    def __init__(self, folder: Path, subject: Subject, database: PostgreSQL, broker: Redis) -> None:
        folder.mkdir()
        self.folder, self.subject, self.broker = folder, subject, broker
        self.processes = Processes(folder)
        self.url = database.create("speed_" + subject.name.replace(" ", "_").replace("-", "_"))
        self._connection = database.connect(self.url)
        self.port = free_port()
        self.environment = environment() | {
            "DATABASE_URL": self.url,
            "CELERY_BROKER_URL": broker.url,
            "DJANGO_SETTINGS_MODULE": "bench.speed.host.settings",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "SPEED_SUBJECT": subject.name,
        }
        self.manage("migrate", "--run-syncdb", "-v0")
        # The last line: what an app prints while it is loaded comes before it.
        self.path = subject.path.format(self.manage("shell", "-v0", "-c", subject.prepare).rpartition("\n")[2])
        #: The number of the next request.
        self.next = 1

    def manage(self, *arguments: str) -> str:
        return self.run("django", *arguments)

    def run(self, *arguments: str) -> str:
        """Run a module to its end; return what it printed."""
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    def ask(self, query: str) -> Any:
        return self._connection.execute(query.encode()).fetchone()[0]

    def start_web(self, workers: int = 2) -> None:
        options = ["--workers", str(workers), "--bind", f"127.0.0.1:{self.port}", "--log-level", "warning"]
        command = [sys.executable, "-m", "gunicorn", *options, "bench.speed.host.wsgi"]
        self.processes.start("web", command, env=self.environment, cwd=ROOT)
        self.processes.wait(partial(answers, f"http://127.0.0.1:{self.port}/"), "the web server answers", 60)

    def start_workers(self, processes: int) -> None:
        # No line a task in the log: that would slow down whoever has a task an event.
        options = ["--concurrency", str(processes), "--loglevel", "warning"]
        command = [sys.executable, "-m", "celery", "-A", "bench.speed.host", "worker", *options]
        self.processes.start("worker", command, env=self.environment, cwd=ROOT)

    def stop(self) -> None:
        self.processes.stop()

    def close(self) -> None:
        self.stop()
        self._connection.close()

    def fill(self, number: int) -> None:
        """Store so many webhooks without a web server."""
        self.run("bench.speed.fill", self.subject.name, self.path, str(self.next), str(number))
        self.next += number

    def load(self, seconds: int) -> dict[str, float]:
        """Post for so many seconds; return requests a second, latencies in ms and processor µs a request.

        Fails where an answer was no 2xx, or less is stored than was answered.
        """
        before, used = self.ask(self.subject.count), self.cpu("web")
        script = str(Path(__file__).with_name("post.lua"))
        lines = self.folder / "requests.txt"
        with lines.open("w", encoding="utf-8") as file:
            for line in requests(self.subject, self.next, MOST_A_SECOND * (seconds + 1)):
                file.write(line + "\n")
        self.next += MOST_A_SECOND * (seconds + 1)
        url = f"http://127.0.0.1:{self.port}{self.path}"
        options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "10s"]
        done = subprocess.run(
            [find("wrk"), *options, "-s", script, url, "--", str(lines)], capture_output=True, text=True, timeout=120
        )
        found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert found, done.stdout + done.stderr
        result = json.loads(found[0].removeprefix("RESULT "))
        assert result["status"] == result["other"] == 0, f"{self.subject.name}: {result}\n{self.processes.tails()}"
        stored = self.ask(self.subject.count) - before
        assert stored >= result["requests"], f"{self.subject.name}: {stored} stored of {result['requests']} answered"
        return {
            "rate": result["requests"] / result["seconds"],
            "p50": result["p50"],
            "p99": result["p99"],
            "cpu": 1e6 * (self.cpu("web") - used) / result["requests"],
        }

    def cpu(self, name: str) -> float:
        """Return the processor seconds of a process and its children so far."""
        process = self.processes.running[name]
        return sum(map(_cpu, [process.pid, *children(process)]))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / SECOND_TICKS
