from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support import recovering
from tests.support.commands import run
from tests.support.recovering import ago
from zenvia_webhooks.management.commands import zenvia_recover
from zenvia_webhooks.models import Event
from zenvia_webhooks.recovery import calls
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db
SINCE = ("--since", "2026-01-31")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAUSE", 0.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def zenvia(settings: Any) -> Any:
    with Sandbox(api_key=recovering.KEY) as sandbox:
        account = {"API_KEY": recovering.KEY, "API_URL": sandbox.api_url, "CONTRACT": "conversion"}
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}
        yield sandbox


def test_without_lists_it_says_so_and_what_a_site_can_do(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"API_KEY": "key"}}}
    printed, error = run("zenvia_recover", *SINCE)
    assert "Under CONTRACT 'help_center' Zenvia publishes no list of what happened" in printed + error
    assert "set CONTRACT to 'conversion'" in error
    assert "There is no account to ask Zenvia about." in error


def test_of_several_accounts_those_with_lists_are_asked(zenvia: Sandbox, settings: Any) -> None:
    accounts = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"] = {"first": {"API_KEY": "key"}, **accounts}
    printed, error = run("zenvia_recover", "--since", ago(hours=1).isoformat())
    assert not error
    assert "first: Under CONTRACT 'help_center'" in printed
    assert "default: " in printed
    assert "There is no account" in run("zenvia_recover", *SINCE, "--account", "first")[1]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--since", "2999-01-01"), "--since must be before --until, and in the past."),
        ((*SINCE, "--until", "2026-01-30"), "--since must be before --until"),
        ((*SINCE, "--account", "nobody"), "has no account 'nobody'"),
        (("--since", "yesterday"), "invalid moment value: 'yesterday'"),
        ((), "--since"),
    ],
)
def test_what_can_not_be_is_refused(zenvia: Sandbox, options: tuple[str, ...], error: str) -> None:
    with pytest.raises(CommandError, match=error):
        call_command("zenvia_recover", *options)
    assert not zenvia.requests


def test_an_account_without_a_key_is_refused(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"CONTRACT": "conversion"}}}
    assert "has no API_KEY" in run("zenvia_recover", *SINCE)[1]


@pytest.mark.parametrize(("answer", "recovered"), [("y", 1), ("", 0), ("no", 0)])
def test_it_asks_before_receivers_run(
    zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str, recovered: int
) -> None:
    zenvia.history.happen("lead.created", at=ago(minutes=30))
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    error = run("zenvia_recover", "--since", ago(hours=1).isoformat(), "--apply")[1]
    assert Event.objects.count() == recovered
    assert error == ("" if recovered else "Nothing was recovered.")


def test_until_bounds_it(zenvia: Sandbox) -> None:
    old = zenvia.history.happen("lead.created", at=ago(minutes=50))
    zenvia.history.happen("lead.created", at=ago(minutes=30))
    options = ("--since", ago(hours=1).isoformat(), "--until", ago(minutes=40).isoformat())
    printed = run("zenvia_recover", *options)[0]
    assert "leads: 1 at Zenvia, 0 here, 1 missing" in printed
    assert old["prospect"]["id"] in printed


def test_what_is_all_too_young_is_said(zenvia: Sandbox) -> None:
    printed, error = run("zenvia_recover", "--since", ago(minutes=5).isoformat())
    assert "default: nothing to compare. What is younger than 10 minutes is left to its webhook" in printed
    assert not error


def test_a_terminal_shows_how_far_it_is(zenvia: Sandbox) -> None:
    zenvia.history.happen("lead.created", at=ago(minutes=30))
    out, err = io.StringIO(), Terminal()
    call_command("zenvia_recover", "--since", ago(hours=1).isoformat(), stdout=out, stderr=err)
    assert err.getvalue().rstrip().endswith(f"{zenvia_recover.TOTAL}/{zenvia_recover.TOTAL}")
    assert "#" not in out.getvalue()
