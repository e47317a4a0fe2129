"""Hints of processes that fork, and of processes that end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from zenvia_webhooks import wakeup

HINT_AND_END = """
import sys, time
from celery import Celery
from zenvia_webhooks import wakeup

app = Celery("host", broker=sys.argv[1])
app.conf.broker_transport_options = dict.fromkeys(
    ["data_folder_in", "data_folder_out", "control_folder"], sys.argv[2]
)
wakeup.hint()
print(time.monotonic(), flush=True)
"""


EAGER = """
import django
django.setup()
from django.core.management import call_command
from tests.celery import app
from tests.support.webhooks import arrived
from zenvia_webhooks.models import Event

call_command("migrate", verbosity=0)
app.conf.task_always_eager = True
arrived()
print(Event.objects.get().status)
"""


def hint_and_end(broker: str, folder: Path) -> float:
    """Have a process ask for a hint and end at once; return the seconds that its end took."""
    command = [sys.executable, "-W", "error", "-c", HINT_AND_END, broker, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return time.monotonic() - float(done.stdout)


def test_last_hint_is_out_before_the_process_ends(tmp_path: Path) -> None:
    hint_and_end("filesystem://", tmp_path)
    [message] = [json.loads(file.read_text()) for file in tmp_path.glob("*.msg")]
    assert message["headers"]["task"] == wakeup.TASK


def test_silent_broker_does_not_keep_a_process_from_ending(silent_broker: str, tmp_path: Path) -> None:
    assert hint_and_end(silent_broker, tmp_path) < wakeup.FLUSH_SECONDS + 1


def test_eager_process_knows_the_task_though_it_is_no_worker(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment["DATABASE_URL"] = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    command = [sys.executable, "-W", "error", "-c", EAGER]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("unhandled\n", "")


def test_fork_has_a_publisher_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "_current", None)
    wakeup.hint()
    assert wakeup.flush(5)
    parents = wakeup._current
    # At the worst moment: another thread is just looking for the publisher.
    with warnings.catch_warnings(), wakeup._start_lock:
        warnings.simplefilter("ignore")  # that this process has threads is what it is about
        child = os.fork()
        if child == 0:
            try:
                wakeup.hint()
                is_sent = wakeup.flush(10) and wakeup._current is not parents
                os._exit(0 if is_sent and wakeup._current is not None and not wakeup._current.is_failing else 1)
            finally:
                os._exit(2)
    deadline = time.monotonic() + 15
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)
    assert wakeup._current is parents
