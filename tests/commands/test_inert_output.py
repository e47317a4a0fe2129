"""What commands print of somebody else's words: no letter of them that a terminal would obey."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.factories import make_subscription
from tests.support.wire import Wire, says
from zenvia_webhooks.management.commands.zenvia_sandbox import Command as SandboxCommand

#: It names the terminal's window, empties it, and begins a line that looks like one of ours.
HOSTILE = "a\x1b]0;owned\x07\x1b[2J\r\nNothing is wrong.\u202e"


def is_inert(printed: str) -> bool:
    return all(line.isprintable() for line in printed.split("\n")) and "\nNothing is wrong." not in printed


@pytest.mark.django_db
@pytest.mark.parametrize(
    "command",
    [
        ("zenvia_sync_subscriptions",),
        ("zenvia_sync_subscriptions", "--apply"),
        ("zenvia_register_subscription",),
        ("zenvia_change_subscription", "{pk}", "--deactivate"),
        ("zenvia_change_subscription", "{pk}", "--topic", "lead.created"),
    ],
    ids=" ".join,
)
def test_of_a_row(command: tuple[str, ...], wire: Wire) -> None:
    row = make_subscription(topics=["lead.created", HOSTILE], remote_id=HOSTILE, last_error=HOSTILE)
    wire.script("GET", says(200, [{"id": "1", "topic": HOSTILE, "callbackUrl": f"https://{HOSTILE}.example/"}]))
    for method in ("POST", "DELETE"):
        wire.script(method, says(400, {"message": HOSTILE, "code": HOSTILE}))
    printed, error = run(*(part.format(pk=row.pk) for part in command))
    assert "owned" in printed + error
    assert is_inert(printed + error)


def test_of_what_the_sandbox_is_asked_and_told() -> None:
    out: Any = io.StringIO()
    SandboxCommand(stdout=out)._report(f"sent {HOSTILE} to {HOSTILE}: {HOSTILE}")
    assert "owned" in out.getvalue()
    assert is_inert(out.getvalue())
