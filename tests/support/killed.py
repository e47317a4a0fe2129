"""Commands of ours that are killed at the worst moment, in forks of one process: to load Django takes a second."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import django
from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.db import connection

from tests.support.paths import ROOT
from zenvia_webhooks.client import api
from zenvia_webhooks.client.transport import exchange


class Forks:
    """One process at a time that runs a command and gets no further than a point of it."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def begin(self, database: str, zenvia_webhooks: dict[str, Any], point: str, *command: str) -> int:
        """Begin a command on this database and under these settings; return the process's id."""
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps([database, zenvia_webhooks, point, command]) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Wait until that process has ended; return its exit code, or minus the signal that killed it."""
        return self._answer()

    def _answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


@contextmanager
def forks() -> Iterator[Forks]:
    """Start the process that forks; it and its last fork are gone at the end."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True, start_new_session=True
    ) as server:
        try:
            yield Forks(server)
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def run_and_die(database: str, zenvia_webhooks: dict[str, Any], point: str, command: list[str]) -> None:
    """Run a command; die right before or right after a call of a method, once POST or DELETE is out."""
    connection.settings_dict["NAME"] = database
    settings.ZENVIA_WEBHOOKS = zenvia_webhooks
    made = []

    def kill_at(moment: str, call: Any) -> None:
        if f"{moment} {call.method}" == point and (call.method != "GET" or "POST" in made):
            os.kill(os.getpid(), signal.SIGKILL)

    def exchange_or_die(call: Any, *rest: Any) -> Any:
        kill_at("before", call)
        answer = exchange(call, *rest)
        made.append(call.method)
        kill_at("after", call)
        return answer

    with mock.patch.object(api, "exchange", exchange_or_die):
        # What a command prints is no answer to the test.
        call_command(*command, stdout=sys.stderr)


def serve() -> None:
    """Fork for each command that is read; answer with the fork's id, and once it has ended with its exit code."""
    for line in sys.stdin:
        fork = os.fork()
        if fork == 0:
            run_and_die(*json.loads(line))
            return
        print(fork, flush=True)  # noqa: T201 (the test reads it)
        print(os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    django.setup()
    for name, app in get_commands().items():
        if app == "zenvia_webhooks":
            load_command_class(app, name)
    serve()
