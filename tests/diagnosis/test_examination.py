"""Each look is on its own: what fails, what is skipped, what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.wire import Wire, says
from tests.webhook.test_views_hosts import database_gone
from zenvia_webhooks.diagnosis import Area, Severity, diagnose, examination, workers
from zenvia_webhooks.models import Subscription

SECRET = "a-key-that-nobody-may-see"


@pytest.mark.django_db(transaction=True)
def test_database_that_is_gone_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with database_gone(monkeypatch):
        found = list(diagnose([area for area in Area if area not in (Area.KEY, Area.CALLBACK, Area.ZENVIA)]))
    [problem] = [finding for finding in found if finding.is_problem]
    assert (problem.id, problem.severity) == ("no-database", Severity.BROKEN)
    skipped = [finding for finding in found if finding.severity == Severity.SKIPPED]
    of_the_database = {Area.COPY, Area.SUBSCRIPTIONS, Area.EVENTS, Area.DELIVERIES, Area.RECOVERY}
    assert {Area.WORKER, Area.BEAT, Area.RECEIVERS, *of_the_database} == {finding.area for finding in skipped}
    assert all("database" in finding.text or "worker" in finding.text for finding in skipped)


@pytest.mark.django_db
def test_look_that_fails_is_a_finding_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        raise RuntimeError(SECRET)

    looks = [replace(check, look=fail) if check.area == Area.COPY else check for check in examination.CHECKS]
    monkeypatch.setattr(examination, "CHECKS", looks)
    found = list(diagnose([Area.COPY, Area.SUBSCRIPTIONS]))
    assert [finding.id for finding in found] == ["check-failed", "no-subscription"]
    assert "RuntimeError" in found[0].text
    assert SECRET not in str(found)
    assert "looking at copy failed" in caplog.text


@pytest.mark.parametrize("value", [[], {"CALLBACK_BASE_URL": 5, "QUIET_HOURS": "x", "ACCOUNTS": 1, "TYPO": 2}])
def test_settings_that_can_not_be_read_are_named_there_alone(
    settings: Any, subscription: Subscription, value: Any
) -> None:
    settings.ZENVIA_WEBHOOKS = value
    found = list(diagnose([Area.SETTINGS, Area.KEY, Area.CALLBACK, Area.COPY, Area.SUBSCRIPTIONS]))
    assert {finding.area for finding in found if finding.is_problem} == {Area.SETTINGS}
    skipped = [finding for finding in found if finding.severity == Severity.SKIPPED]
    assert [finding.area for finding in skipped] == [Area.KEY, Area.CALLBACK, Area.COPY, Area.SUBSCRIPTIONS]
    assert all("ZENVIA_WEBHOOKS" in finding.text for finding in skipped)


@pytest.mark.django_db
def test_what_an_area_needs_is_looked_at_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0)
    assert [finding.id for finding in diagnose([Area.BEAT])] == ["beat-skipped"]
    assert [finding.id for finding in diagnose([])] == []


def test_check_that_the_site_has_silenced_is_not_shown(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {}
    assert [finding.id for finding in diagnose([Area.SETTINGS])] == ["zenvia_webhooks.W001"]
    settings.SILENCED_SYSTEM_CHECKS = ["zenvia_webhooks.W001"]
    assert [finding.id for finding in diagnose([Area.SETTINGS])] == ["settings-ok"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, {"message": "missing scope"}, "wrong-key"),
        (404, b"", "wrong-key"),
        (503, {"message": "later"}, "no-zenvia"),
        (200, "<html>", "no-zenvia"),
    ],
)
def test_key_that_zenvia_does_not_take(settings: Any, status: int, body: Any, kind: str) -> None:
    with Wire() as wire:
        wire.script("GET", says(status, body))
        account = {"API_KEY": SECRET, "API_URL": wire.api_url}
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account, "of-nobody": {}}}
        [finding] = diagnose([Area.KEY])
    assert (finding.id, finding.severity) == (kind, Severity.BROKEN)
    assert str(status) in finding.text
    assert SECRET not in str(finding)


def test_zenvia_that_is_not_there(settings: Any) -> None:
    account = {"API_KEY": SECRET, "API_URL": "http://127.0.0.1:1/v1"}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}
    [finding] = diagnose([Area.KEY])
    assert (finding.id, "ConnectionRefusedError" in finding.text) == ("no-zenvia", True)


def test_without_a_key_nothing_is_asked(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {}}}
    assert [finding.id for finding in diagnose([Area.KEY])] == ["key-skipped"]
