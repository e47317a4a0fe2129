"""What somebody else has at Zenvia is left alone by everything that was not told to replace it."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.changes import CHANGES, Change
from tests.support.commands import run
from tests.support.rows import row, stored
from tests.support.wire import Asked, Wire, says
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


def replaced_by_a_foreign_one(sandbox: Sandbox) -> Subscription:
    """Return an active row of ours whose registration somebody else's has replaced at Zenvia."""
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    sandbox.remove(made.remote_id)
    sandbox.add(["prospects"], THEIRS, "conversion")
    return made


def test_a_registration_that_would_cut_off_a_foreign_one_is_not_made(conversion: Sandbox) -> None:
    theirs = conversion.add(["prospects"], THEIRS, "conversion")
    made = subscriptions.add("default", ["lead.created"])

    with pytest.raises(subscriptions.WouldReplaceError, match=HOST) as caught:
        subscriptions.register(made)

    assert [remote.id for remote in caught.value.foreign] == [theirs.id]
    assert "secret" not in str(caught.value)
    assert stored(made) == ("failed", "", str(caught.value))
    assert conversion.subscriptions == [theirs]

    subscriptions.register_again(made, approved=subscriptions.EVERYBODY)

    assert stored(made)[0] == "active"
    assert [one.callback_url for one in conversion.subscriptions] == [made.registered_url]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_would_cut_off_a_foreign_one_is_not_made(conversion: Sandbox, change: Change) -> None:
    made = replaced_by_a_foreign_one(conversion)
    before = conversion.subscriptions
    token = made.token

    with pytest.raises(subscriptions.WouldReplaceError, match=HOST) as caught:
        change(made)

    assert stored(made) == ("active", made.remote_id, str(caught.value))
    assert (made.token, made.topics, made.previous_url) == (token, ["lead.created"], "")
    assert conversion.subscriptions == before


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
def test_a_foreign_one_survives_every_command_that_was_not_told_to_replace_it(
    sandbox: Sandbox, account: dict[str, Any], contract: str, command: list[str]
) -> None:
    account["CONTRACT"] = contract
    theirs = sandbox.add(["lead.created"], THEIRS, contract)
    # Even under the id that we remember.
    made = row(Status.MISSING, theirs.id, absent=3600)

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

    with pytest.raises(
        subscriptions.SubscriptionError, match=f"#{made.pk} has it: change the topics of that one instead"
    ):
        subscriptions.add("default", ["quote.updated"])

    assert "change the topics of that one" in run("zenvia_register_subscription", "--topic", "quote.updated")[1]
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("approved", [(), subscriptions.EVERYBODY])
def test_our_own_other_row_is_never_cut_off(conversion: Sandbox, approved: Container[str]) -> None:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    other = row_beside(made)

    with pytest.raises(subscriptions.SubscriptionError, match="change the topics of that one"):
        subscriptions.register_again(other, approved=approved)

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


def test_a_refusal_names_everybody_whom_it_would_cut_off(
    conversion: Sandbox, account: dict[str, Any], settings: Any
) -> None:
    made = replaced_by_a_foreign_one(conversion)
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "https://staging.example.com"

    for change in (subscriptions.rotate, subscriptions.register_again):
        with pytest.raises(subscriptions.WouldReplaceError, match=HOST):
            change(made)
