"""`zenvia_change_subscription`: what it does, prints, and returns to the shell."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from tests.support.wire import Wire, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

KEY = "key-of-the-tests"

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        settings.ZENVIA_WEBHOOKS = {
            "ACCOUNTS": {"default": {"API_KEY": KEY, "API_URL": running.api_url}},
            "CALLBACK_BASE_URL": "https://crm.example.com",
        }
        yield running


@pytest.fixture
def registered(sandbox: Sandbox) -> Subscription:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    return made


def change(number: int, *options: str) -> tuple[str, str]:
    """Run the command; return what it printed and, if it failed, its error with what it wrote to stderr."""
    out, err = io.StringIO(), io.StringIO()
    error = ""
    tokens = list(Subscription.objects.values_list("token", flat=True))
    try:
        call_command("zenvia_change_subscription", str(number), *options, stdout=out, stderr=err)
    except CommandError as raised:
        error = str(raised)
    for token in [*tokens, *Subscription.objects.values_list("token", flat=True), KEY]:
        assert token not in out.getvalue() + err.getvalue() + error
    return out.getvalue(), err.getvalue() + error


def test_it_rotates_with_the_overlap_that_it_is_told(registered: Subscription) -> None:
    out, error = change(registered.pk, "--rotate", "--overlap-hours", "1.5")

    old_token = registered.token
    registered.refresh_from_db()
    assert error == ""
    assert out.startswith(f"Subscription lead.created (default): registered at Zenvia as {registered.remote_id}.")
    assert "the previous token is good as well" in out
    assert registered.previous_token == old_token
    assert registered.previous_token_expires_at is not None
    assert abs(registered.previous_token_expires_at - now() - timedelta(minutes=90)) < timedelta(minutes=1)

    assert "are good until" in change(registered.pk, "--rotate")[1]


def test_it_changes_the_topics(registered: Subscription, sandbox: Sandbox) -> None:
    assert change(registered.pk, "--topic", " quote.updated ")[1] == ""

    assert Subscription.objects.get().topics == ["quote.updated"]
    assert [one.topics for one in sandbox.subscriptions] == [("quote.updated",)]


@pytest.mark.parametrize(("how", "left"), [("--deactivate", ["inactive"]), ("--delete", [])])
def test_it_removes_at_zenvia_first(registered: Subscription, sandbox: Sandbox, how: str, left: list[str]) -> None:
    out, error = change(registered.pk, how)

    assert error == ""
    assert ("inactive" if left else "deleted") in out
    assert list(Subscription.objects.values_list("status", flat=True)) == left
    assert sandbox.subscriptions == []


@pytest.mark.parametrize(
    ("options", "line", "flag"),
    [
        (["--rotate"], "zenvia_change_subscription --rotate: active.", CHANGE),
        (["--topic", "quote.updated"], "zenvia_change_subscription --topic: active.", CHANGE),
        (["--deactivate"], "zenvia_change_subscription --deactivate: inactive.", CHANGE),
        (["--delete"], "zenvia_change_subscription --delete: deleted.", DELETION),
    ],
)
def test_it_leaves_a_line_in_the_history(
    registered: Subscription,
    admin_user: Any,
    caplog: pytest.LogCaptureFixture,
    options: list[str],
    line: str,
    flag: int,
) -> None:
    assert change(registered.pk, *options, "--user", "nobody")[1] == "No user of this site is called 'nobody'."
    assert Subscription.objects.get().token == registered.token
    with caplog.at_level("INFO", "zenvia_webhooks.audit"):
        change(registered.pk, *options, "--user", admin_user.get_username())
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.action_flag) == (admin_user, str(registered.pk), flag)
    assert (entry.get_change_message(), entry.object_repr) == (line, str(Subscription.objects.first() or registered))
    assert f"{line.partition(':')[0]} by " in caplog.text
    assert registered.token not in caplog.text


@pytest.mark.parametrize("options", [["--rotate"], ["--topic", "quote.updated"], ["--deactivate"], ["--delete"]])
@pytest.mark.parametrize("status", [403, 503])
def test_what_zenvia_does_not_do_is_an_error(
    registered: Subscription, settings: Any, options: list[str], status: int
) -> None:
    with Wire() as wire:
        settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["API_URL"] = wire.api_url
        for method in ("GET", "POST", "DELETE"):
            wire.script(method, says(status, {"message": "not today"}))

        out, error = change(registered.pk, *options)

    assert error
    assert "not today" in out + error
    made = Subscription.objects.get()
    assert made.accepts(registered.token)
    # Where the list can't be had, nothing was sent.
    assert (made.status, made.wish) == ("active", "registered")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--rotate", "--delete"],
        ["--topic", "two words"],
        ["--rotate", "--overlap-hours=-1"],
        ["--rotate", "--overlap-hours=nan"],
        ["--rotate", "--overlap-hours=1e9"],
        ["--rotate", "--overlap-hours=soon"],
    ],
)
def test_what_is_no_order_is_refused(registered: Subscription, sandbox: Sandbox, options: list[str]) -> None:
    calls = len(sandbox.requests)

    assert change(registered.pk, *options)[1]

    assert len(sandbox.requests) == calls


def test_a_number_that_no_row_has_is_an_error(sandbox: Sandbox) -> None:
    assert change(7, "--rotate")[1] == "There is no subscription #7."
