"""A copied production database: its rows are another site's, which is not cut off by the copy."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.changes import CHANGES, Change
from tests.support.commands import run
from tests.support.rows import stored, to_do
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

THEIRS = "https://user:secret@crm.of-somebody.example/hook?secret=1"
HOST = "crm.of-somebody.example"

pytestmark = pytest.mark.django_db


@pytest.fixture
def copied(sandbox: Sandbox, account: dict[str, Any], settings: Any, contract: str) -> Subscription:
    """Return production's row as its copy in staging has it."""
    account["CONTRACT"] = contract
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "https://staging.example.com"
    return made


both_contracts = pytest.mark.parametrize("contract", ["help_center", "conversion"])


@both_contracts
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PENDING, Status.MISSING])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_copied_row_is_shown_and_nothing_is_done_about_it(
    sandbox: Sandbox, copied: Subscription, status: Status, is_listed: bool
) -> None:
    if not is_listed:
        sandbox.remove(copied.remote_id)
    Subscription.objects.update(status=status, absent_since=now() - timedelta(days=1))
    before, calls = sandbox.subscriptions, len(sandbox.requests)

    text, error = run("zenvia_sync_subscriptions", "--apply")
    subscriptions.compare_all()

    assert "Registered for another site, crm.example.com: left alone." in text
    assert error == ""
    assert sandbox.subscriptions == before
    assert {request.method for request in sandbox.requests[calls:]} == {"GET"}
    copied.refresh_from_db()
    assert copied.status == status
    assert "registered for another site, crm.example.com" in subscriptions.describe(copied)


@both_contracts
@pytest.mark.parametrize("change", [*CHANGES.values(), subscriptions.register_again], ids=[*CHANGES, "register_again"])
def test_a_copied_row_is_not_changed_at_zenvia(sandbox: Sandbox, copied: Subscription, change: Change) -> None:
    before, calls = sandbox.subscriptions, len(sandbox.requests)

    with pytest.raises(subscriptions.WouldReplaceError, match=r"crm\.example\.com"):
        change(copied)

    assert sandbox.subscriptions == before
    assert "POST" not in [request.method for request in sandbox.requests[calls:]]


@both_contracts
@pytest.mark.parametrize("how", ["--deactivate", "--delete"])
def test_a_copied_row_is_removed_here_alone(sandbox: Sandbox, copied: Subscription, how: str) -> None:
    before = sandbox.subscriptions

    text, error = run("zenvia_change_subscription", str(copied.pk), how)

    assert error == ""
    assert "What Zenvia has registered for crm.example.com was left alone: it belongs to another site." in text
    assert sandbox.subscriptions == before
    assert not Subscription.objects.exclude(status=Status.INACTIVE).exists()


@both_contracts
def test_a_copied_row_is_removed_at_zenvia_when_told_to(sandbox: Sandbox, copied: Subscription) -> None:
    assert run("zenvia_change_subscription", str(copied.pk), "--delete", "--replace")[1] == ""

    assert sandbox.subscriptions == []


@both_contracts
@pytest.mark.parametrize("command", ["rotate", "register_again"])
def test_a_site_that_moved_takes_its_registration_along_when_told_to(
    sandbox: Sandbox, copied: Subscription, command: str
) -> None:
    getattr(subscriptions, command)(copied, approved=subscriptions.EVERYBODY)

    assert stored(copied)[0] == "active"
    assert [one.callback_url for one in sandbox.subscriptions] == [copied.registered_url]
    assert copied.registered_url.startswith("https://staging.example.com/")
    assert to_do() == []


@both_contracts
@pytest.mark.parametrize("status", [Status.INACTIVE, Status.FAILED, Status.MISSING])
@pytest.mark.parametrize(
    "command",
    [
        ["zenvia_register_subscription", "--topic", "lead.created"],
        ["zenvia_sync_subscriptions", "--apply"],
        ["zenvia_change_subscription", "ID", "--deactivate"],
        ["zenvia_change_subscription", "ID", "--delete"],
        ["register_again"],
    ],
    ids=" ".join,
)
def test_a_copied_row_that_is_not_active_cuts_nobody_off(
    sandbox: Sandbox, copied: Subscription, status: Status, command: list[str]
) -> None:
    """As after "Deactivate here", or where production has registered it since the copy was made."""
    before = sandbox.subscriptions
    Subscription.objects.update(status=status, remote_id="", absent_since=now() - timedelta(days=1))
    copied.refresh_from_db()

    if command == ["register_again"]:
        with contextlib.suppress(subscriptions.WouldReplaceError):
            subscriptions.register_again(copied)
    else:
        run(*(str(copied.pk) if word == "ID" else word for word in command))

    assert before[0] in sandbox.subscriptions


@both_contracts
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.INACTIVE])
def test_a_copy_without_a_callback_url_of_its_own_removes_nothing(
    sandbox: Sandbox, copied: Subscription, settings: Any, status: Status
) -> None:
    del settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"]
    Subscription.objects.update(status=status)
    before = sandbox.subscriptions

    run("zenvia_sync_subscriptions", "--apply")
    run("zenvia_change_subscription", str(copied.pk), "--delete")

    assert sandbox.subscriptions == before
