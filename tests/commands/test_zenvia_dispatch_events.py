from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db


def dispatch(*arguments: str) -> str:
    out = io.StringIO()
    call_command("zenvia_dispatch_events", *arguments, stdout=out)
    return out.getvalue()


def test_it_hands_out_all_that_is_due_stalled_events_included() -> None:
    lead_created.connect(receivers.note)
    for _ in range(25):
        arrived()
    claim_due(5)
    let_time_pass()
    assert dispatch() == "Took up 25 events.\n"
    assert len(receivers.calls) == 25
    assert set(Event.objects.values_list("status", flat=True)) == {"dispatched"}
    assert dispatch() == "Took up 0 events.\n"


def test_what_failed_waits_for_its_time() -> None:
    lead_created.connect(receivers.broken)
    arrived()
    assert dispatch() == "Took up 1 event.\n"
    assert len(receivers.calls) == 1


def test_limit() -> None:
    lead_created.connect(receivers.note)
    for _ in range(25):
        arrived()
    assert dispatch("--limit", "13") == "Took up 13 events.\n"
    assert len(receivers.calls) == 13
    claim_due(10)
    let_time_pass()
    assert dispatch("--limit", "3") == "Took up 3 events.\n"  # of stalled and others together
    assert len(receivers.calls) == 16


def test_seconds_end_it_between_two_claims() -> None:
    lead_created.connect(receivers.note)
    for _ in range(25):
        arrived()
    assert dispatch("--seconds", "1e-9") == "Took up 10 events.\n"


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--seconds", "-1"]])
def test_bounds_must_be_greater_than_0(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="greater than 0"):
        dispatch(*arguments)


def test_it_needs_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("a hint")

    monkeypatch.setattr(wakeup, "hint", refuse)
    for _ in range(25):
        arrived()
    assert dispatch() == "Took up 25 events.\n"


def test_another_one_finds_nothing_of_what_this_one_holds() -> None:
    lead_created.connect(dispatches_too)
    arrived()
    arrived()
    assert dispatch() == "Took up 2 events.\n"
    assert found == [0, 0]


found: list[int] = []


def dispatches_too(sender: Any, event: Event, **kwargs: Any) -> None:
    found.append(dispatch_due())
