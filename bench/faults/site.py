"""A site in a folder of its own: the example project's web processes, workers and beat, as compose.yaml starts them."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from bench.faults.brokers import Broker
from bench.faults.databases import Database
from bench.faults.processes import Processes, begin, end
from bench.faults.senders import HEADERS
from tests.support.host import answers, environment, free_port
from tests.support.paths import ROOT

T = TypeVar("T")

PROJECT = ROOT / "example_project"
DONE = "status IN ('dispatched', 'failed', 'unhandled')"

#: Makes a site's tables and a subscription, in one process, and prints the token.
SET_UP = """
from django.core.management import call_command
from zenvia_webhooks.models import Subscription

call_command("migrate", interactive=False, run_syncdb=True, verbosity=0)
print(Subscription.objects.create(topics=["lead.created"], status="active").token)
"""


class Site:
    """Processes, database and messages of one site."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        broker: Broker,
        *,
        receivers: str = "effect log",
        lease: float = 300,
        sweep: float | None = None,
        retry_delays: Iterable[float] = (1, 2, 4, 8),
        variables: Mapping[str, str] = MappingProxyType({}),
        **settings: Any,
    ) -> None:
        folder.mkdir()
        self.folder, self.database, self.broker = folder, database, broker
        self.processes = Processes(folder)
        self.url = database.create(folder.name.replace("-", "_"))
        self.ports: dict[str, int] = {}
        self.points = folder / "failpoints"
        self.points.mkdir()
        self.senders: list[subprocess.Popen[str]] = []
        #: What was not as it should be, besides what the rows say.
        self.complaints: list[str] = []
        settings |= {"LEASE_SECONDS": lease, "RETRY_DELAYS": list(retry_delays)}
        self.environment = {**self._environment(settings, receivers), **variables}
        if sweep is not None:
            self.environment["FAULTS_SWEEP"] = str(sweep)
        if self.is_sqlite:
            # The example project's own file and options.
            self.url = f"sqlite:///{folder}/db.sqlite3"
        self.token = self.manage("shell", "-v0", "-c", SET_UP)
        self._connection: Any = None

    def _environment(self, settings: dict[str, Any], receivers: str) -> dict[str, str]:
        return environment() | {
            "DEBUG": "0",
            "SECRET_KEY": "a key for breaking things",
            "ALLOWED_HOSTS": HEADERS["Host"],
            "BEHIND_HTTPS_PROXY": "1",
            "CALLBACK_BASE_URL": f"https://{HEADERS['Host']}",
            "CONN_MAX_AGE": "60",
            "DATABASE_URL": "" if self.is_sqlite else self.url,
            "CELERY_BROKER_URL": self.broker.url,
            "DATA_DIR": str(self.folder),
            "ZENVIA_API_KEY": "key-of-the-site",
            "DJANGO_SETTINGS_MODULE": "bench.faults.app.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "FAULTS_SETTINGS": json.dumps(settings),
            "FAULTS_RECEIVERS": receivers,
            "ZENVIA_FAILPOINTS": str(self.points),
        }

    @property
    def is_sqlite(self) -> bool:
        return self.database.name == "SQLite"

    def start_web(
        self, name: str = "web", *, threads: int = 4, broker: Broker | None = None, await_it: bool = True
    ) -> None:
        """Start a web process; with `broker`, one that sends its hints there."""
        self.ports.setdefault(name, free_port())
        options = ["--config", "deploy/gunicorn.conf.py", "--threads", str(threads)]
        options += ["--bind", f"127.0.0.1:{self.ports[name]}", "example_project.wsgi"]
        self._start(name, "gunicorn", *options, **({"CELERY_BROKER_URL": broker.url} if broker else {}))
        if await_it:
            self.await_web(name)

    def await_web(self, name: str) -> None:
        # A host that is not allowed: an answer, and nothing that touches the database.
        self.wait(partial(answers, f"http://127.0.0.1:{self.ports[name]}/"), f"{name} answers", 60)

    def start_worker(
        self,
        name: str = "worker",
        *,
        concurrency: int = 2,
        pool: str = "prefork",
        await_it: bool = True,
        **variables: str,
    ) -> None:
        self.processes.log_path(name).unlink(missing_ok=True)
        options = ["--concurrency", str(concurrency), "--pool", pool, "--loglevel", "info", "-n", f"{name}@%h"]
        self._start(name, "celery", "-A", "example_project", "worker", *options, "--without-mingle", **variables)
        if await_it:
            self.await_worker(name)

    def await_worker(self, name: str = "worker") -> None:
        self.wait(lambda: " ready." in self.processes.log(name), f"{name} is ready", 60)

    def start_beat(self) -> None:
        self._start("beat", "celery", "-A", "example_project", "beat", "--loglevel", "info")

    def arm(self, failpoint: str, action: str = "kill") -> None:
        """Have the next process that reaches a failpoint be killed there, or whatever else `action` says."""
        unfinished = self.points / f"{failpoint}.unfinished"
        unfinished.write_text(action)
        unfinished.rename(self.points / failpoint)

    def is_armed(self, failpoint: str) -> bool:
        return (self.points / failpoint).exists()

    def send(
        self,
        numbers: Iterable[int],
        *,
        senders: int = 8,
        rate: float | None = None,
        webs: Iterable[str] | None = None,
        **task: Any,
    ) -> subprocess.Popen[str]:
        """Start posting leads; what becomes of them is for `answered()` to tell."""
        command = [sys.executable, "-m", "bench.faults.senders"]
        process = begin(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        task |= {
            "ports": [self.ports[web] for web in webs or self.ports],
            "path": f"/zenvia/webhook/{self.token}/",
            "rate": rate,
        }
        task |= {"numbers": list(numbers), "senders": senders}
        assert process.stdin is not None
        json.dump(task, process.stdin)
        process.stdin.close()
        process.stdin = None
        self.senders.append(process)
        return process

    def answered(self, process: subprocess.Popen[str], *, now: bool = False) -> dict[str, Any]:
        """Return what a sender says: see `senders`; at once, without what was not begun yet, or at its end."""
        if now:
            process.terminate()
        said, _ = process.communicate(timeout=900)
        end(process)
        assert process.returncode == 0, f"a sender ended with {process.returncode}"
        result: dict[str, Any] = json.loads(said)
        return result

    def ask(self, query: str) -> Any:
        """Return the one row of a query, or its one value."""
        rows = self.rows(query)
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    def rows(self, query: str) -> list[Any]:
        if self._connection is None:
            self._connection = self.database.connect(self.url)
        cursor = self._connection.cursor()
        cursor.execute(query)
        return list(cursor.fetchall()) if cursor.description else []

    def open_events(self) -> int:
        count: int = self.ask(f"SELECT count(*) FROM zenvia_webhooks_event WHERE NOT {DONE}")
        return count

    def begun(self, receiver: str, event: int) -> list[float]:
        """Return when a receiver began with an event, by its own word."""
        lines = [line.split() for line in (self.folder / "seen.txt").read_text().splitlines()]
        return [float(line[4]) for line in lines if line[:3] == ["begins", receiver, str(event)]]

    def waits(self, receiver: str, event: int) -> list[float]:
        """Return the seconds between the attempts of a receiver."""
        return [second - first for first, second in itertools.pairwise(self.begun(receiver, event))]

    def drain(self, seconds: float, *, after_each_look: Callable[[], None] = lambda: None) -> float:
        """Wait until every event is handed out; return how long that took.

        What is not in time fails the line without an end to it, so that what is lost is counted.
        """

        def look() -> bool:
            is_done = self.open_events() == 0
            after_each_look()
            return is_done

        started = time.monotonic()
        try:
            self.wait(look, "every event is handed out", seconds)
        except AssertionError as error:
            self.complaints.append(str(error))
        return time.monotonic() - started

    def wait(self, look: Callable[[], T], what: str, seconds: float) -> T:
        return self.processes.wait(look, what, seconds)

    def check(self, acknowledged: Iterable[int]) -> dict[str, Any]:
        """Have a fresh process compare what was acknowledged, stored and delivered: see `check`."""
        found: dict[str, Any] = json.loads(
            self.run(sys.executable, "-m", "bench.faults.check", said=json.dumps(list(acknowledged)))
        )
        return found

    def manage(self, *arguments: str) -> str:
        return self.run(sys.executable, "manage.py", *arguments)

    def run(self, *command: str, said: str = "") -> str:
        """Run a command of the site to its end; return what it printed."""
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environment, input=said, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout.strip()

    def background(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of manage.py."""
        command = [sys.executable, "manage.py", *arguments]
        return self.processes.start(name, command, env=self.environment, cwd=PROJECT)

    def stop(self) -> None:
        with contextlib.ExitStack() as all_of_it:
            if self._connection is not None:
                all_of_it.callback(self._connection.close)
            all_of_it.callback(self.processes.stop)
            for sender in self.senders:
                all_of_it.enter_context(sender)  # which closes its pipe
                all_of_it.callback(end, sender)

    def _start(self, name: str, program: str, *arguments: str, **variables: str) -> None:
        command = [sys.executable, "-m", program, *arguments]
        self.processes.start(name, command, env=self.environment | variables, cwd=PROJECT)
