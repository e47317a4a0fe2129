"""A subject's own database, web server and workers."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from bench.faults.brokers import Redis
from bench.faults.databases import PostgreSQL
from bench.faults.processes import Processes, children
from bench.speed.subjects import Subject
from bench.speed.webservers import GUNICORN, WebServer
from tests.support.host import answers, environment, free_port
from tests.support.paths import ROOT

SECOND_TICKS = os.sysconf("SC_CLK_TCK")
#: Receivers of every subject write here.
CONTACTS = "contacts_contact"


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
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    def ask(self, query: str) -> Any:
        """Return the first value of a query's first row."""
        return self._connection.execute(query.encode()).fetchone()[0]

    def ask_all(self, query: str) -> list[Any]:
        """Return the first value of each row of a query."""
        return [row[0] for row in self._connection.execute(query.encode())]

    def execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())

    def empty(self) -> None:
        """Throw away what former measures left: messages, and what was stored. For every subject alike."""
        assert not self.processes.running
        self.broker.wipe()
        self.execute(f"TRUNCATE {', '.join((*self.subject.tables, CONTACTS))} RESTART IDENTITY CASCADE")
        # So that no subject pays for what another one wrote.
        self.execute("CHECKPOINT")

    def newest(self) -> int:
        """Return the id of the newest webhook that is stored."""
        return int(self.ask(f"SELECT coalesce(max(id), 0) FROM {self.subject.tables[0]}"))

    def stored(self, after: int = 0) -> int:
        """Return how many webhooks are stored, with an id above `after`."""
        return int(self.ask(f"SELECT count(*) FROM {self.subject.tables[0]} WHERE id > {after}"))

    def start_web(self, server: WebServer = GUNICORN, workers: int = 2) -> None:
        """Start a web server and wait until it answers."""
        self.launch_web(server, workers)
        self.processes.wait(partial(answers, f"http://127.0.0.1:{self.port}/"), "the web server answers", 60)

    def launch_web(self, server: WebServer = GUNICORN, workers: int = 2) -> None:
        variables = self.environment | {"SPEED_CONNECTIONS": server.connections}
        self.processes.start("web", server.arguments(self.port, workers), env=variables, cwd=ROOT)

    def start_workers(self, processes: int, receiver_seconds: float = 0) -> None:
        """Start a worker, and beat where the subject needs it.

        Each receiver sleeps for so many seconds before it writes its row.
        """
        variables = self.environment | {"SPEED_RECEIVER_SECONDS": str(receiver_seconds), "PYTHONUNBUFFERED": "1"}
        celery = [sys.executable, "-m", "celery", "-A", "bench.speed.host"]
        if self.subject.has_beat:
            schedule = str(self.folder / "schedule")
            command = [*celery, "beat", "--loglevel", "warning", "--schedule", schedule]
            self.processes.start("beat", command, env=variables, cwd=ROOT)
        self.processes.log_path("worker").unlink(missing_ok=True)
        # No line a task in the log: that would slow down whoever has a task an event.
        command = [*celery, "worker", "--concurrency", str(processes), "--loglevel", "warning"]
        self.processes.start("worker", command, env=variables, cwd=ROOT)

    def wait_for_workers(self) -> None:
        self.processes.wait(lambda: " ready." in self.processes.log("worker"), "the worker is ready", 60)

    def wake(self) -> None:
        """Have the workers look for what was stored while none ran."""
        if self.subject.wake:
            self.manage("shell", "-v0", "-c", self.subject.wake)

    def stop(self) -> None:
        self.processes.stop()

    def close(self) -> None:
        self.stop()
        self._connection.close()

    def fill(self, number: int) -> None:
        """Store so many webhooks without a web server."""
        self.run("bench.speed.fill", self.subject.name, self.path, str(self.next), str(number))
        self.next += number

    def cpu(self, name: str) -> float:
        """Return the processor seconds of a process and its children so far."""
        return sum(map(_cpu, self._family(name)))

    def memory(self, name: str) -> float:
        """Return the MiB of a process and its children; what processes share is counted once."""
        return sum(map(memory_of, self._family(name)))

    def _family(self, name: str) -> list[int]:
        process = self.processes.running[name]
        return [process.pid, *children(process)]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / SECOND_TICKS


def memory_of(pid: int) -> float:
    """Return the MiB of one process; of what it shares with others, its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return int(kibibytes) / 1024
