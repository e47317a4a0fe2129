"""`zenvia_sandbox` as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from tests.support.paths import ROOT
from zenvia_webhooks.sandbox import Sandbox


def run(
    folder: Path, *options: str, key: str, zenvia_webhooks: dict[str, Any], stop_with: int = signal.SIGTERM
) -> tuple[int, str, str]:
    """Run the command on a free port, under settings of its own, until it has answered one call.

    Returns its exit status, what it printed, and its errors.
    """
    (folder / "host_settings.py").write_text(
        f"from tests.settings import *\n\nZENVIA_WEBHOOKS = {zenvia_webhooks!r}\n", encoding="utf-8"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "host_settings",
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "PYTHONIOENCODING": "utf-8",
    }
    command = [sys.executable, "-m", "django", "zenvia_sandbox", "--port", "0", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        # A command that never says its address must not hang the suite.
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            first_line = process.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", first_line)
            if address:
                headers = {"Authorization": f"Bearer {key}"}
                requests.get(f"{address[0]}/v1/subscriptions", headers=headers, timeout=10)
            process.send_signal(stop_with)
            # Not communicate(): it forgets what readline() has read ahead.
            rest, errors = process.stdout.read(), process.stderr.read()
            process.wait()
        finally:
            watchdog.cancel()
            process.kill()
        return process.returncode, first_line + rest, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_its_address_and_settings_serves_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    status, output, errors = run(
        tmp_path, "--api-key", "given-key", key="given-key", zenvia_webhooks={}, stop_with=number
    )
    assert (status, errors) == (0, "")
    url = re.match(r"Zenvia sandbox: (http://127\.0\.0\.1:\d+)/\n", output)
    assert url is not None
    assert f'"API_URL": "{url[1]}/v1",' in output
    assert '"CALLBACK_BASE_URL": "http://127.0.0.1:8000"' in output
    assert "GET /v1/subscriptions answered 200" in output
    assert "It speaks each CONTRACT: help_center, conversion." in output
    assert "given-key" not in output
    assert output.endswith("Stopped.\n")


@pytest.mark.once
def test_the_key_is_that_of_the_default_account(tmp_path: Path) -> None:
    settings = {
        "ACCOUNTS": {"default": {"API_KEY": "key-of-settings"}, "other": {"API_KEY": "no"}},
        "CALLBACK_BASE_URL": "https://crm.example.com",
    }
    status, output, _ = run(tmp_path, key="key-of-settings", zenvia_webhooks=settings)
    assert status == 0
    assert "GET /v1/subscriptions answered 200" in output
    assert "key-of-settings" not in output
    assert "CALLBACK_BASE_URL" not in output  # it is set already


@pytest.mark.once
def test_the_contract_is_that_of_the_default_account_and_a_history_may_be_there(tmp_path: Path) -> None:
    settings = {"ACCOUNTS": {"default": {"API_KEY": "key-of-settings", "CONTRACT": "conversion"}}}
    options = ("--history", "20", "--pairs-every", "3", "--impatient-every", "5")
    status, output, errors = run(tmp_path, *options, key="key-of-settings", zenvia_webhooks=settings)
    assert (status, errors) == (0, "")
    assert '"CONTRACT": "conversion",' in output
    assert "20 leads, 80 messages and 2 quotes of the last 24 hours are there to be listed." in output


@pytest.mark.once
def test_the_settings_that_it_prints_make_the_next_run_work(tmp_path: Path) -> None:
    _, output, _ = run(tmp_path, key="sandbox-key", zenvia_webhooks={})
    assert "GET /v1/subscriptions answered 200" in output
    block = re.search(r"^    ZENVIA_WEBHOOKS = .*?^    }$", output, re.MULTILINE | re.DOTALL)
    assert block is not None
    printed: dict[str, Any] = {}
    exec(block[0].replace("\n    ", "\n").strip(), printed)
    assert printed["ZENVIA_WEBHOOKS"]["ACCOUNTS"]["default"]["API_KEY"] == "sandbox-key"
    status, output, _ = run(tmp_path, key="sandbox-key", zenvia_webhooks=printed["ZENVIA_WEBHOOKS"])
    assert status == 0
    assert "GET /v1/subscriptions answered 200" in output


def test_a_taken_port_is_said_clearly() -> None:
    with Sandbox() as other:
        port = other.url.rpartition(":")[2]
        with pytest.raises(CommandError, match=rf"Port {port} is in use.*--port 0"):
            call_command("zenvia_sandbox", port=int(port))


@pytest.mark.parametrize("port", ["-1", "65536", "http", "9" * 5000])
def test_a_port_must_be_one(port: str) -> None:
    with pytest.raises(CommandError, match="from 0 to 65535"):
        call_command("zenvia_sandbox", f"--port={port}")


@pytest.mark.parametrize(
    "option", ["--history=-1", "--history=100001", "--pairs-every=x", "--impatient-every=" + "9" * 5000]
)
def test_a_count_must_be_one(option: str) -> None:
    with pytest.raises(CommandError, match="from 0 to 100000"):
        call_command("zenvia_sandbox", option)


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(CommandError, match="--api-key"):
        call_command("zenvia_sandbox", port=0, api_key=" ")


def test_wrong_settings_are_said_without_a_traceback(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"TIMEOUT": "soon"}}}
    with pytest.raises(CommandError, match="TIMEOUT"):
        call_command("zenvia_sandbox", port=0)
