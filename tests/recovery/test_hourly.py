"""The task: from the last time that everything was compared, in short runs that go on where the one before ended."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.recovering import ago
from zenvia_webhooks import tasks
from zenvia_webhooks.models import Event, Recovery, TaskRun
from zenvia_webhooks.recovery import calls, hourly
from zenvia_webhooks.sandbox import Listing, Sandbox
from zenvia_webhooks.schedule import BEAT_SCHEDULE

pytestmark = pytest.mark.django_db


def run() -> int:
    recovered: int = tasks.recover_events.apply(throw=True).get()
    return recovered


def row() -> Recovery:
    return Recovery.objects.get(runner="task")


def test_beat_has_it_run_every_hour() -> None:
    assert BEAT_SCHEDULE[tasks.recover_events.name]["schedule"] == 3600


def test_a_first_run_looks_back_a_day(zenvia: Sandbox) -> None:
    zenvia.history.happen("lead.created", at=ago(hours=25))
    lead = zenvia.history.happen("lead.created", at=ago(hours=23))
    assert run() == 1
    assert Event.objects.get().data["id"] == lead["prospect"]["id"]
    assert abs(row().since - ago(days=1)) < timedelta(minutes=1)
    assert row().whole_until == row().until
    assert abs(row().until - ago(minutes=10)) < timedelta(minutes=1)


def test_the_next_one_begins_an_hour_before_the_last(zenvia: Sandbox) -> None:
    run()
    Recovery.objects.update(whole_until=ago(hours=5))
    missed = [zenvia.history.happen("lead.created", at=ago(hours=hours)) for hours in (5.9, 2)]
    zenvia.history.happen("lead.created", at=ago(hours=6.1))
    assert run() == len(missed)
    assert run() == 0
    assert set(row().counts["leads"].items()) == {("listed", 0), ("here", 0), ("recovered", 0)}


def test_accounts_without_recover_are_left_alone(zenvia: Sandbox, settings: Any) -> None:
    zenvia.history.happen("lead.created", at=ago(hours=1))
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["RECOVER"] = False
    assert run() == 0
    assert not zenvia.requests


def test_an_account_without_lists_keeps_no_other_from_its_run(
    zenvia: Sandbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"] = {"first": {"API_KEY": "key", "RECOVER": True}, **accounts}
    zenvia.history.happen("lead.created", at=ago(hours=1))
    with caplog.at_level(logging.WARNING):
        assert run() == 1
    assert "account first can't be recovered: Under CONTRACT 'help_center'" in caplog.text


def test_a_run_that_was_cut_off_is_gone_on_with_and_the_news_come_behind(
    zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    zenvia.history.fill(ago(hours=20), ago(hours=2), leads=3, messages=3)
    monkeypatch.setattr(hourly, "MOST_CALLS", 4)
    run()
    assert (row().finished_at, row().error, row().whole_until) == (None, "", None)
    # An hour later.
    Recovery.objects.update(until=row().until - timedelta(hours=1), seen_at=now() - timedelta(hours=1))
    Recovery.objects.update(read_back_to={"leads": row().since.isoformat()})
    news = zenvia.history.happen("lead.created", at=ago(minutes=20))
    monkeypatch.setattr(hourly, "MOST_CALLS", 2000)
    run()
    assert Event.objects.filter(topic="interaction.created").count() == 3
    assert news["prospect"]["id"] in [event.data["id"] for event in Event.objects.filter(topic="lead.created")]
    assert row().whole_until == row().until
    assert row().until > ago(minutes=11)


def test_a_run_leaves_what_takes_long_to_a_run_of_its_own(zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    zenvia.history.happen("lead.created", at=ago(hours=1))
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.recover_events, "apply_async", lambda **message: sent.append(message["kwargs"]))
    # As a worker's, and not eager.
    monkeypatch.setattr(tasks, "RECOVER_SECONDS", -1)
    tasks.recover_events.run()
    assert sent == [{"account": "default", "calls_made": 0}]
    assert row().finished_at is None
    # Beat's next message keeps away from it; its own goes on.
    tasks.recover_events.run()
    assert len(sent) == 1
    monkeypatch.setattr(tasks, "RECOVER_SECONDS", 20)
    assert tasks.recover_events.run(**sent[0]) == 1
    assert row().finished_at is not None


def test_a_run_that_gave_no_sign_of_life_is_taken_over(zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    Recovery.objects.update(finished_at=None, read_back_to={}, seen_at=now() - timedelta(minutes=4))
    zenvia.history.happen("lead.created", at=ago(hours=1))
    assert run() == 1


def test_what_could_not_be_read_is_tried_again_and_never_called_whole(
    zenvia: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moment = ago(hours=3)
    for _ in range(12):
        zenvia.history.happen("lead.created", at=moment)
    zenvia.listing = Listing(cursors=False, cap=5)
    with caplog.at_level(logging.WARNING):
        run()
    assert "is not whole" in caplog.text
    assert "Not looked at: leads, " in row().error
    whole_until = row().whole_until
    assert whole_until is not None
    assert whole_until <= moment
    zenvia.heal()
    assert run() == 12 - Event.objects.filter(received_at__lt=row().started_at).count()
    assert (row().error, Event.objects.count()) == ("", 12)


def test_refusals_are_logged_and_the_next_run_goes_on(zenvia: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    zenvia.history.happen("lead.created", at=ago(hours=3))
    zenvia.fail(status=403)
    with caplog.at_level(logging.WARNING):
        assert run() == 0
    assert "ended early: GET /prospects was answered 403" in caplog.text
    assert "scope prospects:read" in row().error
    assert run() == 1
    assert row().error == ""


def test_progress_is_to_be_seen(zenvia: Sandbox) -> None:
    zenvia.history.fill(ago(hours=20), ago(hours=2), leads=3, messages=2)
    run()
    progress = TaskRun.objects.get(task=tasks.recover_events.name)
    assert (progress.done, progress.total, progress.finished_at is None) == (100, 100, False)
    assert progress.note.startswith("default: 3 of 3 leads, 2 of 2 interactions, 0 of 0 quotes")


def test_the_calls_of_a_chain_are_counted_together(zenvia: Sandbox) -> None:
    zenvia.history.happen("lead.created", at=ago(hours=3))
    [report] = hourly.recover("default", calls_made=calls.MOST_CALLS - 2)
    assert report.is_to_be_continued
    assert not report.is_out_of_time
    assert len(zenvia.requests) == 2
