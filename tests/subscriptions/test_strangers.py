"""What somebody else has at Zenvia is left alone by everything that was not told to replace it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from tests.subscriptions.rows import row, stored
from tests.wire import Asked, Wire, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import subscription_lost

Status = Subscription.Status

THEIRS = "https://user:secret@crm.of-somebody.example/hook?secret=1"
HOST = "crm.of-somebody.example"

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversion(account: dict[str, Any], sandbox: Sandbox) -> Sandbox:
    account["CONTRACT"] = "conversion"
    return sandbox


def run(*command: str) -> tuple[str, str]:
    """Run a command; return all that it printed, and its error."""
    out = io.StringIO()
    try:
        call_command(*command, stdout=out, stderr=out)
    except CommandError as error:
        return out.getvalue() + str(error), str(error)
    return out.getvalue(), ""


def replaced_by_a_stranger(sandbox: Sandbox) -> Subscription:
    """Return an active row of ours whose registration somebody else's has replaced at Zenvia."""
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    sandbox.remove(made.remote_id)
    sandbox.add(["prospects"], THEIRS, "conversion")
    return made


def test_a_registration_that_would_cut_off_a_stranger_is_not_made(conversion: Sandbox) -> None:
    theirs = conversion.add(["prospects"], THEIRS, "conversion")
    made = subscriptions.add("default", ["lead.created"])

    with pytest.raises(subscriptions.WouldReplaceError, match=HOST) as caught:
        subscriptions.register(made)

    assert [remote.id for remote in caught.value.strangers] == [theirs.id]
    assert "secret" not in str(caught.value)
    assert stored(made) == ("failed", "", str(caught.value))
    assert conversion.subscriptions == [theirs]

    subscriptions.register_again(made, replace=True)

    assert stored(made)[0] == "active"
    assert [one.callback_url for one in conversion.subscriptions] == [made.registered_url]


CHANGES: dict[str, Callable[[Subscription], None]] = {
    "rotate": subscriptions.rotate,
    "topics": lambda made: subscriptions.change_topics(made, ["quote.updated"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_would_cut_off_a_stranger_is_not_made(
    conversion: Sandbox, change: Callable[[Subscription], None]
) -> None:
    made = replaced_by_a_stranger(conversion)
    before = conversion.subscriptions
    token = made.token

    with pytest.raises(subscriptions.WouldReplaceError, match=HOST) as caught:
        change(made)

    assert stored(made) == ("active", made.remote_id, str(caught.value))
    assert (made.token, made.topics, made.previous_url) == (token, ["lead.created"], "")
    assert conversion.subscriptions == before


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize(
    "command",
    [
        ["zenvia_register_subscription"],
        ["zenvia_register_subscription", "--topic", "lead.created"],
        ["zenvia_sync_subscriptions"],
        ["zenvia_sync_subscriptions", "--apply"],
        ["zenvia_change_subscription", "ID", "--rotate"],
        ["zenvia_change_subscription", "ID", "--topic", "quote.updated"],
        ["zenvia_change_subscription", "ID", "--deactivate"],
        ["zenvia_change_subscription", "ID", "--delete"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("contract", ["help_center", "conversion"])
def test_a_stranger_survives_every_command_that_was_not_told_to_replace_it(
    sandbox: Sandbox, account: dict[str, Any], contract: str, status: Status, command: list[str]
) -> None:
    account["CONTRACT"] = contract
    theirs = sandbox.add(["lead.created"], THEIRS, contract)
    # Even under the id that we remember.
    made = row(status, theirs.id, absent=3600)

    out, _error = run(*(str(made.pk) if word == "ID" else word for word in command))

    assert theirs in sandbox.subscriptions
    assert "secret" not in out
    methods = [request.method for request in sandbox.requests]
    assert "DELETE" not in methods
    assert contract == "help_center" or "POST" not in methods


def test_the_commands_replace_when_told_to(conversion: Sandbox) -> None:
    conversion.add(["prospects"], THEIRS, "conversion")
    text, error = run("zenvia_register_subscription", "--topic", "lead.created")
    assert f"what Zenvia has registered for {HOST}. --replace does it all the same." in text
    assert error

    assert run("zenvia_register_subscription", "--topic", "lead.created", "--replace")[1] == ""

    made = Subscription.objects.get()
    assert [one.id for one in conversion.subscriptions] == [made.remote_id]

    for command in (["zenvia_change_subscription", str(made.pk), "--rotate"], ["zenvia_sync_subscriptions", "--apply"]):
        conversion.remove(conversion.subscriptions[0].id)
        conversion.add(["prospects"], THEIRS, "conversion")
        Subscription.objects.update(absent_since=now() - timedelta(seconds=61))
        text, error = run(*command)
        assert (HOST in text, bool(error)) == (True, True)
        assert run(*command, "--replace")[1] == ""
        assert [one.callback_url for one in conversion.subscriptions] == [Subscription.objects.get().callback_url]


def test_a_second_row_is_refused_where_zenvia_has_one_for_each_key(conversion: Sandbox) -> None:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)

    with pytest.raises(ValueError, match=f"#{made.pk} has it: change the topics of that one instead"):
        subscriptions.add("default", ["quote.updated"])

    assert "change the topics of that one" in run("zenvia_register_subscription", "--topic", "quote.updated")[1]
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("replace", [False, True])
def test_our_own_other_row_is_never_cut_off(conversion: Sandbox, replace: bool) -> None:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    other = row_beside(made)

    with pytest.raises(ValueError, match="change the topics of that one"):
        subscriptions.register_again(other, replace=replace)

    assert [one.id for one in conversion.subscriptions] == [made.remote_id]
    assert stored(other)[0] == "failed"


def row_beside(made: Subscription) -> Subscription:
    other = Subscription.objects.create(topics=["quote.updated"], status=Status.FAILED)
    assert other.account == made.account
    return other


def lists(*urls: str) -> list[dict[str, object]]:
    return [{"id": f"id-{url}", "topics": ["prospects"], "callbackUrl": url} for url in urls]


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_lost_race_is_told(wire: Wire, account: dict[str, Any], is_kept: bool) -> None:
    account["CONTRACT"] = "conversion"
    made = row(Status.PENDING)

    def registers_as_somebody_else_does(asked: Asked) -> Iterable[bytes]:
        url = json.loads(asked.body)["callbackUrl"]
        wire.script("GET", says(200, lists(*[url] * is_kept, THEIRS)))
        return says(201, lists(url)[0])(asked)

    wire.script("GET", says(200, []))
    wire.script("POST", registers_as_somebody_else_does)

    subscriptions.register(made)

    status, _id, error = stored(made)
    assert status == ("active" if is_kept else "missing")
    assert HOST in error
    assert "at the same moment" in error
    assert error in subscriptions.describe(made)


def test_a_lost_race_in_a_rotation_is_a_loss_and_is_told(wire: Wire, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    made, told = row(Status.ACTIVE, "ours"), []

    def tell(subscription: Subscription, **_kwargs: Any) -> None:
        told.append(subscription.pk)

    def registers_as_somebody_else_does(asked: Asked) -> Iterable[bytes]:
        wire.script("GET", says(200, lists(THEIRS)))
        return says(201, lists(json.loads(asked.body)["callbackUrl"])[0])(asked)

    wire.script("GET", says(200, lists(made.registered_url)))
    wire.script("POST", registers_as_somebody_else_does)
    subscription_lost.connect(tell)
    try:
        subscriptions.rotate(made)
    finally:
        subscription_lost.disconnect(tell)

    assert stored(made)[0] == "missing"
    assert told == [made.pk]
    assert (made.previous_url, made.previous_token_expires_at is None) == ("", False)
    with pytest.raises(subscriptions.WouldReplaceError, match=HOST):
        subscriptions.register_again(made)
    assert stored(made)[0] == "missing"
    assert wire.count("DELETE") == 0


def test_what_cant_be_looked_up_beforehand_is_not_registered(wire: Wire, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    made = row(Status.PENDING)
    wire.script("GET", says(503))

    subscriptions.register(made)

    assert stored(made)[0] == "failed"
    assert wire.count("POST") == 0


# Rows of another site: a copied production database


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
    subscriptions.watch()

    assert "Registered for another site, crm.example.com: left alone." in text
    assert error == ""
    assert sandbox.subscriptions == before
    assert {request.method for request in sandbox.requests[calls:]} == {"GET"}
    copied.refresh_from_db()
    assert copied.status == status
    assert "registered for another site, crm.example.com" in subscriptions.describe(copied)


@both_contracts
@pytest.mark.parametrize("change", [*CHANGES.values(), subscriptions.register_again], ids=[*CHANGES, "register_again"])
def test_a_copied_row_is_not_changed_at_zenvia(
    sandbox: Sandbox, copied: Subscription, change: Callable[[Subscription], None]
) -> None:
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
    getattr(subscriptions, command)(copied, replace=True)

    assert stored(copied)[0] == "active"
    assert [one.callback_url for one in sandbox.subscriptions] == [copied.registered_url]
    assert copied.registered_url.startswith("https://staging.example.com/")
    assert subscriptions.compare("default").steps == []


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


def test_a_refusal_names_everybody_whom_it_would_cut_off(
    conversion: Sandbox, account: dict[str, Any], settings: Any
) -> None:
    made = replaced_by_a_stranger(conversion)
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "https://staging.example.com"

    for change in (subscriptions.rotate, subscriptions.register_again):
        with pytest.raises(subscriptions.WouldReplaceError, match=HOST):
            change(made)
