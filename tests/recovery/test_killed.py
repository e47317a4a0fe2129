"""A recovery that is killed, wherever that is, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.support import recovering
from tests.support.paths import ROOT
from tests.support.recovering import ago, connect, dispatch_all, recover, seen_by
from zenvia_webhooks.sandbox import Sandbox

PLACES = (
    *("recovery.after_part", "intake.before_insert", "intake.after_insert", "recovery.after_store"),
    "recovery.after_note",
)


@pytest.mark.django_db(transaction=True)
def test_it_is_whole_in_the_end_and_nothing_is_there_twice(zenvia: Sandbox, settings: Any, tmp_path: Path) -> None:
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=8, messages=12, quotes=3)
    since = ago(hours=2)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.support.killed_settings",
        "KILLED_DATABASE": str(connection.settings_dict["NAME"]),
        "KILLED_SETTINGS": json.dumps(settings.ZENVIA_WEBHOOKS),
        "ZENVIA_FAILPOINTS": str(tmp_path),
    }
    command = ["zenvia_recover", "--since", since.isoformat(), "--apply", "--no-input", "--skip-checks"]
    for place in PLACES:
        (tmp_path / place).write_text("kill")
        process = [sys.executable, "-W", "ignore", "-m", "django", *command]
        killed = subprocess.run(process, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    recover("--apply", since=since)
    connect()
    dispatch_all()
    store = zenvia.history.store
    assert set(recovering.seen.values()) == {1}
    assert set(seen_by("see_lead")) == set(store.prospects._ids)
    assert set(seen_by("see_message")) == set(store.interactions._ids)
    assert set(seen_by("see_quote")) == set(store.quotes._ids)
    assert "missing: " not in recover("--apply", since=since)
