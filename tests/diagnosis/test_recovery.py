from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from zenvia_webhooks import tasks
from zenvia_webhooks.diagnosis import Area, Finding, diagnose
from zenvia_webhooks.models import Recovery, Subscription, TaskRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _account(settings: Any) -> None:
    account = {"API_KEY": "key", "CONTRACT": "conversion", "RECOVER": True}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account, "other": {"API_KEY": "key"}}}


def ran(**columns: Any) -> None:
    moment = now() - timedelta(minutes=columns.pop("minutes", 10))
    Recovery.objects.create(
        **{
            "account": "default",
            "runner": "task",
            "since": moment - timedelta(days=1),
            "until": moment,
            "whole_until": moment,
            "started_at": moment,
            "seen_at": moment,
            "finished_at": moment,
            "counts": {"leads": {"listed": 412, "here": 402, "recovered": 10}},
        }
        | columns
    )


def found() -> list[Finding]:
    return [finding for finding in diagnose([Area.RECOVERY]) if finding.area == Area.RECOVERY]


def test_accounts_that_do_not_want_it_are_no_problem(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["RECOVER"] = False
    [finding] = found()
    assert (finding.id, finding.text[:23]) == ("recovery-ok", "No account has RECOVER:")


def test_the_last_run_its_age_and_its_result_are_said() -> None:
    ran()
    [finding] = found()
    assert (finding.id, finding.is_problem) == ("recovery-ok", False)
    assert finding.text == "default: compared with Zenvia up to 10 minutes ago: 412 of 412 leads."


def test_a_run_that_goes_on_is_no_problem() -> None:
    ran(finished_at=None)
    assert found()[0].text.startswith("default: being compared with Zenvia")


@pytest.mark.parametrize(
    ("columns", "kind", "text"),
    [
        ({"error": "GET /prospects was answered 403."}, "recovery-not-whole", "answered 403"),
        ({"minutes": 300}, "recovery-late", "compared with Zenvia up to 5 hours ago and not since"),
        ({"minutes": 300, "finished_at": None, "whole_until": None}, "recovery-late", "and not since"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(columns: dict[str, Any], kind: str, text: str) -> None:
    ran(**columns)
    [finding] = found()
    assert (finding.id, finding.is_problem) == (kind, True)
    assert text in finding.text
    assert "zenvia_recover --since" in finding.fix


def test_an_account_that_was_never_compared_is_a_problem(subscription: Subscription) -> None:
    Subscription.objects.update(created_at=now() - timedelta(hours=2))
    assert [finding.id for finding in found()] == ["never-recovered"]
    ran(runner="command")
    assert [finding.id for finding in found()] == ["never-recovered"]


def test_the_first_comparison_is_waited_for_an_hour(subscription: Subscription, settings: Any) -> None:
    # A new site.
    [finding] = found()
    assert (finding.id, finding.is_problem) == ("recovery-ok", False)
    assert "for the first time within the hour" in finding.text
    # RECOVER is set on a site whose beat has the task run.
    Subscription.objects.update(created_at=now() - timedelta(hours=2))
    accounts = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"other": {"API_KEY": "key"}}}
    tasks.recover_events.apply(throw=True)
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": accounts}
    assert [finding.id for finding in found()] == ["recovery-ok"]
    TaskRun.objects.update(started_at=now() - timedelta(hours=2))
    assert [finding.id for finding in found()] == ["never-recovered"]


def test_an_account_without_lists_is_a_problem(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["CONTRACT"] = "help_center"
    [finding] = found()
    assert finding.id == "no-lists"
    assert "publishes no list" in finding.text
