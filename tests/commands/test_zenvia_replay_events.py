from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support import receivers
from tests.support.factories import make_event
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.management.commands import zenvia_replay_events
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, lead_created

NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_retries(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": []}


def replay(*arguments: str) -> str:
    out = io.StringIO()
    call_command("zenvia_replay_events", *arguments, "--no-input", stdout=out)
    return re.sub(r"^\d+ events? match(es)?\.\n", "", out.getvalue())


def due() -> set[int]:
    return set(Event.objects.exclude(next_attempt_at=None).values_list("pk", flat=True))


def finished(topic: str = "lead.created") -> Event:
    event = arrived(topic)
    dispatch_due()
    receivers.calls.clear()
    return event


def test_default_covers_what_is_being_retried(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [3600]}
    lead_created.connect(receivers.broken)
    event = finished()
    assert replay() == "Replayed 1 event.\n"
    assert dispatch_due() == 1
    assert receivers.calls == [("broken", event.pk)]


def test_quarantined_events_are_read_again_when_told_to() -> None:
    lead_created.connect(receivers.note)
    hopeless, understood = (make_event(status=Event.Status.QUARANTINED, next_attempt_at=None) for _ in range(2))
    Event.objects.filter(pk=hopeless.pk).update(body=b"nothing")
    assert replay() == ""
    assert replay("--read-again") == "Understood now: 1 of 2 events.\n"
    dispatch_due()
    assert receivers.calls == [("note", understood.pk)]


@pytest.mark.parametrize("arguments", [["--again"], ["--read-again", "--status", "failed"]])
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"needs --receiver|takes quarantined"):
        replay(*arguments)


def test_default_is_what_failed_or_nobody_took_and_there_who_has_not_succeeded() -> None:
    unhandled = finished()
    lead_created.connect(receivers.note)
    finished()
    lead_created.connect(receivers.broken)
    failed = finished()
    assert replay() == "Replayed 2 events.\n"
    assert due() == {unhandled.pk, failed.pk}
    dispatch_due()
    assert sorted(receivers.calls) == sorted([("note", unhandled.pk), ("broken", unhandled.pk), ("broken", failed.pk)])


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], [0, 1, 2, 3]),
        (["--topic", "quote.updated"], [2]),
        (["--account", "other"], [1]),
        (["--since", "2026-01-31"], [1, 2, 3]),
        (["--until", "2026-01-31"], [0]),
        (["--since", "2026-01-31T12:00", "--until", "2026-01-31T18:00:00-03:00"], [1]),
        (["--status", "unhandled"], []),
        (["--status", "unhandled", "--status", "failed"], [0, 1, 2, 3]),
    ],
)
def test_filters(arguments: list[str], chosen: list[int]) -> None:
    event_received.connect(receivers.broken)
    events = [finished("quote.updated" if number == 2 else "lead.created") for number in range(4)]
    Event.objects.filter(pk=events[0].pk).update(received_at=datetime(2026, 1, 31, 2, tzinfo=UTC))
    Event.objects.filter(pk=events[1].pk).update(account="other", received_at=datetime(2026, 1, 31, 20, tzinfo=UTC))
    assert replay(*arguments) == (f"Replayed {len(chosen)} event{'s' * (len(chosen) > 1)}.\n" if chosen else "")
    assert due() == {events[number].pk for number in chosen}


def test_named_receiver_runs_alone_and_not_where_it_has_succeeded_unless_again() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    event = finished()
    assert replay("--receiver", NOTE) == "Replayed 0 events.\n"
    assert replay("--receiver", NOTE, "--again") == "Replayed 1 event.\n"
    dispatch_due()
    assert receivers.calls == [("note", event.pk)]


def test_receiver_of_another_topic_is_passed_over_and_a_stranger_refused() -> None:
    finished("quote.updated")
    lead = finished()
    lead_created.connect(receivers.note)
    assert replay("--receiver", NOTE) == "Replayed 1 event.\n"
    assert due() == {lead.pk}
    with pytest.raises(CommandError, match=r"No receiver is named crm\.gone"):
        replay("--receiver", "crm.gone")


def test_successes_run_again_only_when_told_to() -> None:
    lead_created.connect(receivers.note)
    event = finished()
    assert replay("--status", "dispatched") == "Replayed 0 events.\n"
    assert replay("--status", "dispatched", "--receiver", NOTE, "--again") == "Replayed 1 event.\n"
    dispatch_due()
    assert receivers.calls == [("note", event.pk)]


def test_replayed_events_are_due_before_what_arrives_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zenvia_replay_events, "BATCH", 2)
    event_received.connect(receivers.broken)
    for _ in range(5):
        finished()
    event_received.disconnect(receivers.broken)
    lead_created.connect(receivers.broken)
    before = datetime.now(UTC)
    assert replay() == "Replayed 5 events.\n"
    moments = set(Event.objects.values_list("next_attempt_at", flat=True))
    assert len(moments) == 1
    assert abs((moments.pop() or before) - before).total_seconds() < 60


def test_dry_run_changes_nothing() -> None:
    lead_created.connect(receivers.broken)
    finished()
    assert replay("--dry-run") == ""
    assert due() == set()


@pytest.mark.parametrize(("answer", "is_replayed"), [("y", True), ("n", False), ("", False)])
def test_it_asks_first(monkeypatch: pytest.MonkeyPatch, answer: str, is_replayed: bool) -> None:
    lead_created.connect(receivers.broken)
    finished()
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr("builtins.input", reply)
    if is_replayed:
        call_command("zenvia_replay_events", stdout=io.StringIO())
    else:
        with pytest.raises(CommandError, match="Nothing was replayed"):
            call_command("zenvia_replay_events", stdout=io.StringIO())
    assert questions == ["Replay 1 event? [y/N] "]
    assert bool(due()) is is_replayed


def test_without_anybody_to_ask_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_created.connect(receivers.broken)
    finished()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="--no-input"):
        call_command("zenvia_replay_events", stdout=io.StringIO())
    assert due() == set()


def test_time_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="--since"):
        replay("--since", "yesterday")
