"""What a host runs on Windows, in a process that lacks what Python lacks there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.host import environment
from tests.support.paths import ROOT

#: Python's documentation says of each: "Availability: Unix". Celery and asyncio have found out by then that this is
#: Linux: on Windows they go other ways of their own.
WITHOUT = """
import asyncio
import celery, celery.app.base, celery.concurrency.prefork, kombu.transport.filesystem
import os, signal, sys
for name in ("fork", "forkpty", "register_at_fork", "killpg", "getpgrp", "getpgid", "setpgid", "setsid", "getuid",
             "geteuid", "getgid", "getegid", "uname", "getloadavg", "wait3", "wait4", "nice", "mkfifo", "sysconf"):
    if hasattr(os, name):
        delattr(os, name)
for name in [name for name in dir(signal) if name.startswith("SIG") and name[3:] not in
             ("_DFL", "_IGN", "_BLOCK", "_SETMASK", "_UNBLOCK", "ABRT", "FPE", "ILL", "INT", "SEGV", "TERM", "nals")]:
    delattr(signal, name)
for name in ("alarm", "setitimer", "getitimer", "pause", "sigwait", "pthread_kill", "siginterrupt"):
    delattr(signal, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
"""

SITE = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from tests.support import receivers
from tests.support.webhooks import envelope, path_of
from zenvia_webhooks import signals, tasks, wakeup
from zenvia_webhooks.models import Event, Subscription

signals.lead_created.connect(receivers.create_customer)
call_command("check")
call_command("migrate", verbosity=0)
row = Subscription.objects.create(topics=["lead.created"])
answer = Client().post(path_of(row), envelope(leadId="1"), content_type="application/json")
print(answer.status_code, Event.objects.get().status)
call_command("zenvia_dispatch_events")
print(Event.objects.get().status)
"""


def test_web_process_checks_and_commands_need_nothing_of_unix(tmp_path: Path) -> None:
    known = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + SITE],
        cwd=tmp_path,
        env={**environment(), **known},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "200 pending",
        "Took up 1 event.",
        "dispatched",
    ]
