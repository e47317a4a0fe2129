"""Politeness, and what ends a run: each error says what to do, and nobody is told that all was looked at."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.recovering import ago, recover
from zenvia_webhooks.client import ZenviaClient, transport
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConnectionError
from zenvia_webhooks.models import Event, Recovery
from zenvia_webhooks.recovery import calls
from zenvia_webhooks.recovery.calls import Calls
from zenvia_webhooks.recovery.explanation import explain
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def failed(*options: str) -> str:
    """Run the command, which must fail; return all that it printed."""
    printed, error = run("zenvia_recover", "--since", ago(hours=2).isoformat(), "--no-input", *options)
    assert "Not everything could be looked at" in error
    return printed + error


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}, {"html": True}, {"hang_up": True}], ids=str)
def test_what_passes_is_waited_for(zenvia: Sandbox, fault: dict[str, Any]) -> None:
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=3, messages=3)
    for skip in (0, 2, 5):
        zenvia.fail(path="/prospects", skip=skip, next=2, **fault)
    printed = recover("--apply")
    assert "3 recovered" in printed
    assert not zenvia.faults


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ({"status": 401}, "check API_KEY"),
        ({"status": 403}, "the scope prospects:read at Zenvia, and wait the 15 to 20 minutes"),
        ({"status": 404}, "was answered 404"),
        ({"html": True, "next": 9}, "Something other than Zenvia's API answers: check API_URL"),
        ({"status": 503, "next": 9}, "was answered 503"),
        ({"status": 302}, "a redirect"),
    ],
    ids=str,
)
def test_an_error_says_what_to_do_and_what_was_not_looked_at(
    zenvia: Sandbox, fault: dict[str, Any], advice: str
) -> None:
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=3, messages=3, quotes=1)
    zenvia.fail(path="/prospects/interactions", **fault)
    printed = failed("--apply")
    assert advice in printed
    for name in ("interactions", "quotes", "quotes accepted", "quotes rejected"):
        assert f"Not looked at: {name}, " in printed
    assert "Not looked at: leads" not in printed
    # What was read whole is stored, and the next run goes on.
    assert set(Event.objects.values_list("topic", flat=True)) == {"lead.created"}
    assert Recovery.objects.get().finished_at is None
    zenvia.heal()
    before = len(zenvia.requests)
    printed = recover("--apply", since=Recovery.objects.get().since)
    assert "interactions: 3 at Zenvia, 0 here, 3 missing, 3 recovered" in printed
    assert "leads: 3 at Zenvia, 0 here, 3 missing, 3 recovered" in printed
    assert not [request for request in zenvia.requests[before:] if request.path.startswith("/v1/prospects?")]


def test_a_server_that_hangs_ends_the_run(zenvia: Sandbox, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["TIMEOUT"] = 0.2
    zenvia.fail(path="/prospects", delay=600, next=9)
    assert "raise TIMEOUT in ACCOUNTS" in failed()
    assert len(zenvia.faults) == 1
    zenvia.heal()


def test_five_refusals_in_a_row_end_the_run(zenvia: Sandbox) -> None:
    zenvia.fail(status=429, next=9)
    with pytest.raises(ZenviaAPIError):
        Calls(ZenviaClient()).lead("1")
    assert len(zenvia.requests) == 5


def test_refusals_end_the_run_within_a_minute(zenvia: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["TIMEOUT"] = 10
    slept: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    def hang(lead_id: str) -> None:
        clock[0] += 10
        raise ZenviaConnectionError("within 10 s")

    client = ZenviaClient()
    monkeypatch.setattr(calls, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(calls, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: clock[0]))
    monkeypatch.setattr(client, "get_lead", hang)
    with pytest.raises(ZenviaConnectionError):
        Calls(client).lead("1")
    assert slept == [0.0, 1.0, 2.0, 4.0]
    assert clock[0] <= 60


def test_the_pause_grows_with_refusals_and_shrinks_again(zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = zenvia.history.happen("lead.created")["prospect"]["id"]
    slept: list[float] = []
    monkeypatch.setattr(calls, "PAUSE", 0.2)
    monkeypatch.setattr(calls, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(calls, "time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))
    zenvia.fail(status=429, next=3)
    made = Calls(ZenviaClient())
    for _call in range(5):
        made.lead(lead)
    assert slept == [0.0, 1.0, 2.0, 4.0, 2.0, 1.0, 0.5, 0.25]
    made.lead(lead)
    assert slept[-1] == 0.2


def test_zenvias_own_wait_is_kept(zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = zenvia.history.happen("lead.created")["prospect"]["id"]
    slept: list[float] = []
    monkeypatch.setattr(calls, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(calls, "time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))
    zenvia.fail(status=429, retry_after=30)
    made = Calls(ZenviaClient())
    made.lead(lead)
    made.lead(lead)
    # What was asked for once does not make the next pauses longer.
    assert slept == [0.0, 30.0, 0.5]


@pytest.mark.parametrize(("seconds", "ends"), [(60, None), (30, 20)])
def test_a_wait_that_is_too_long_ends_the_run(zenvia: Sandbox, seconds: int, ends: float | None) -> None:
    zenvia.fail(status=503, retry_after=seconds)
    with pytest.raises(ZenviaAPIError) as caught:
        Calls(ZenviaClient(), ends=ends and time.monotonic() + ends).lead("1")
    assert len(zenvia.requests) == 1
    assert f"Zenvia asks to wait {seconds} seconds. Run it again" in explain(
        caught.value, "default", is_remembered=True
    )


@pytest.mark.parametrize("header", ["soon", "", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400])
def test_a_wait_that_says_nothing_is_none(header: str) -> None:
    # Newer releases of urllib3 know of no wait that is longer than six hours.
    assert transport._retry_after(header) in (None, 0, 6 * 3600)


def test_a_run_ends_with_the_calls_that_it_may_make(zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=3, messages=3)
    monkeypatch.setattr(calls, "MOST_CALLS", 4)
    assert "it made 4 calls, as many as one run may. Run it again: it goes on where it ended." in failed("--apply")
    since = Recovery.objects.get().since
    run("zenvia_recover", "--since", since.isoformat(), "--no-input", "--apply")
    assert "quotes rejected: 0 at Zenvia" in recover("--apply", since=since)
    assert Event.objects.count() == 6
    monkeypatch.setattr(calls, "MOST_CALLS", 4)
    assert "Ask for a shorter span, or use --apply" in failed()
