"""Whatever becomes of what a command prints, its work is done."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from django.core.management import get_commands, load_command_class

from tests.support.host import environment
from tests.support.paths import ROOT
from zenvia_webhooks.management.base import OwnCommand, Printer
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

REGISTER = ["manage.py", "zenvia_register_subscription", "--topic", "lead.created"]


def encoded(encoding: str) -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, line_buffering=True)


def full() -> TextIO:
    return io.TextIOWrapper(Path("/dev/full").open("wb", buffering=0), encoding="utf-8", write_through=True)


def broken_pipe() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", buffering=1)


OUTPUTS: dict[str, Callable[[], TextIO | None]] = {
    "iso-8859-1": lambda: encoded("iso-8859-1"),
    "ascii": lambda: encoded("ascii"),
    "cp1252": lambda: encoded("cp1252"),
    "a full disk": full,
    "a closed pipe": broken_pipe,
    "none": lambda: None,
}


@contextlib.contextmanager
def printing_to(kind: str) -> Iterator[None]:
    """Give standard output and standard error this kind: in the test itself, as pytest sets its own before it."""
    stream = OUTPUTS[kind]()
    try:
        with pytest.MonkeyPatch.context() as patched:
            # A command closes them at its end; here, they are the test's.
            patched.setattr("django.core.management.base.connections.close_all", lambda: None)
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", stream)
            yield
    finally:
        if stream is not None:
            stream.buffer.close()  # below the text that could not be written


def command(name: str) -> OwnCommand:
    made = load_command_class(get_commands()[name], name)
    assert isinstance(made, OwnCommand)
    return made


def test_every_command_of_ours_prints_this_way() -> None:
    ours = [name for name, app in get_commands().items() if str(app) == "zenvia_webhooks"]
    assert len(ours) >= 9
    for name in ours:
        assert isinstance(command(name).stdout, Printer)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", OUTPUTS)
def test_registers_whatever_the_output(kind: str, sandbox: Sandbox) -> None:
    with printing_to(kind):
        command("zenvia_register_subscription").run_from_argv(REGISTER)
    assert [row.topics for row in sandbox.subscriptions] == [("lead.created",)]
    row = Subscription.objects.get()
    assert row.status == Subscription.Status.ACTIVE


@pytest.mark.django_db
@pytest.mark.parametrize("kind", OUTPUTS)
def test_fails_as_it_would_whatever_the_output(kind: str) -> None:
    with pytest.raises(SystemExit) as ended, printing_to(kind):
        command("zenvia_register_subscription").run_from_argv([*REGISTER, "--account", "São Paulo"])
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", b"Jo\\xe3o \\u2026\n"), ("iso-8859-1", b"Jo\xe3o \\u2026\n")]
)
def test_what_can_not_be_encoded_is_escaped(encoding: str, expected: bytes) -> None:
    stream = encoded(encoding)
    Printer(stream).write("João …")
    assert stream.buffer.getvalue() == expected  # type: ignore[attr-defined]  # the bytes that it was made of


def test_lone_surrogate_is_escaped() -> None:
    stream = encoded("utf-8")
    Printer(stream).write("\ud83d")
    assert stream.buffer.getvalue() == b"\\ud83d\n"  # type: ignore[attr-defined]  # the bytes that it was made of


RUN = """
import sys
import django
from django.core.management import call_command, execute_from_command_line
from tests.celery import app

django.setup()
call_command("migrate", verbosity=0)
execute_from_command_line(sys.argv)
"""


def test_process_whose_reader_is_gone_ends_well() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "zenvia_dispatch_events", "--skip-checks"],
            env={**environment(), "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)},
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
