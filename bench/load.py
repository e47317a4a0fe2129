"""The processes of compose.yaml without containers: its own commands and variables, on this machine's servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
import yaml
from psycopg import sql

from bench.faults.processes import Processes
from tests.support.host import environment, free_port
from tests.support.paths import ROOT
from tests.support.servers import url_of

POSTGRES_URL = url_of("PostgreSQL")
REDIS_URL = url_of("Redis")
SITE = "crm.example.com"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
WEBS = ("web1", "web2")


class Site:
    """The site with a database, Redis keys, ports and a folder of its own; whatever ends is a failure."""

    def __init__(self, folder: Path, *, lease: float = 300) -> None:
        self.folder, self.name = folder, f"zenvia_load_{os.getpid()}"
        self.workers = [f"worker-{number}" for number in range(COMPOSE["services"]["worker"]["deploy"]["replicas"])]
        self.ports = {web: free_port() for web in WEBS}
        self.processes = Processes(folder)
        self._admin = psycopg.connect(POSTGRES_URL, autocommit=True)
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(self.name)))
        self._admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
        url = urlsplit(POSTGRES_URL)._replace(path=f"/{self.name}").geturl()
        self.variables = {
            "DEBUG": "0",
            "SECRET_KEY": "a key for the load test",
            "ALLOWED_HOSTS": SITE,
            "BEHIND_HTTPS_PROXY": "1",
            "CALLBACK_BASE_URL": f"https://{SITE}",
            "CONN_MAX_AGE": os.environ.get("CONN_MAX_AGE", "60"),
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": REDIS_URL,
            "DATA_DIR": str(folder),
            "ZENVIA_API_KEY": "key-of-the-load-test",
        }
        self._environment = {
            **environment(),
            **self.variables,
            "DJANGO_SETTINGS_MODULE": "bench.faults.app.settings",
            "PYTHONPATH": str(ROOT),
            "FAULTS_SETTINGS": json.dumps({"LEASE_SECONDS": lease}),
            "FAULTS_RECEIVERS": "effect log",
            "FAULTS_KEY_PREFIX": f"{self.name}:",
            "PYTHONUNBUFFERED": "1",
        }
        self.run("python", "manage.py", "migrate", "--no-input", "--run-syncdb")
        code = "from zenvia_webhooks.models import *; s = Subscription.objects.create(topics=['lead.created'], "
        self.token = self.run("python", "manage.py", "shell", "-v0", "-c", code + "status='active'); print(s.token)")
        self._database = psycopg.connect(url, autocommit=True)

    def start(self) -> None:
        """Start what compose.yaml has, in its numbers, and wait until all are there."""
        for name in self.names():
            self.start_one(name)
        for web in WEBS:
            self.processes.wait(partial(self.is_healthy, web), f"{web} answers", 60)
        log = self.processes.log
        self.processes.wait(lambda: all(" ready." in log(name) for name in self.workers), "workers are ready", 60)

    def names(self) -> list[str]:
        return [*WEBS, *self.workers, "beat"]

    def start_one(self, name: str) -> None:
        service = COMPOSE["services"][name.partition("-")[0]]
        command = [part.replace("0.0.0.0:8000", f"127.0.0.1:{self.ports.get(name)}") for part in service["command"]]
        self.processes.start(name, self._python(*command), env=self._environment, cwd=ROOT / "example_project")

    def is_healthy(self, web: str) -> bool:
        """Ask as compose.yaml does."""
        check = COMPOSE["services"][web]["healthcheck"]["test"]
        variables = {**self._environment, "PORT": str(self.ports[web])}
        command = self._python(*check[1:])
        done = subprocess.run(command, cwd=ROOT / "example_project", env=variables, capture_output=True, timeout=30)
        return done.returncode == 0

    def send(self, numbers: list[int], senders: int) -> subprocess.Popen[str]:
        """Start posting leads; the process prints what was answered: see `senders`."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.faults.senders"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        path = f"/zenvia/webhook/{self.token}/"
        task = {"ports": list(self.ports.values()), "path": path, "numbers": numbers, "senders": senders}
        assert process.stdin is not None
        json.dump(task, process.stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def ask(self, query: str) -> Any:
        """Return the one row of a query, or its one value."""
        row = self._database.execute(query.encode()).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def stop(self) -> None:
        """Stop what was started, and remove what was made outside the folder."""
        self.processes.stop()
        self._database.close()
        self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))
        self._admin.close()
        with redis.Redis.from_url(REDIS_URL) as broker:
            for key in broker.scan_iter(f"{self.name}:*", count=1000):
                broker.delete(key)

    def run(self, *command: str) -> str:
        """Run a command of the site to its end; return what it printed."""
        done = subprocess.run(
            self._python(*command),
            cwd=ROOT / "example_project",
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def _python(self, program: str, *arguments: str) -> list[str]:
        return [sys.executable, *(() if program == "python" else ("-m", program)), *arguments]
