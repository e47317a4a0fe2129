"""`zenvia_sync_subscriptions`: the plan, and what --apply makes of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils.timezone import now

from tests.support.wire import Answer, Asked, Wire, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

KEY = "key-of-the-tests"

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        settings.ZENVIA_WEBHOOKS = {
            "ACCOUNTS": {"default": {"API_KEY": KEY, "API_URL": running.api_url}},
            "CALLBACK_BASE_URL": "https://crm.example.com",
        }
        yield running


def sync(*options: str) -> tuple[str, str]:
    """Run the command; return what it printed and, if it failed, its error with what it wrote to stderr."""
    out, err = io.StringIO(), io.StringIO()
    error = ""
    try:
        call_command("zenvia_sync_subscriptions", *options, stdout=out, stderr=err)
    except CommandError as raised:
        error = f"{err.getvalue()}{raised}"
    for token in Subscription.objects.values_list("token", flat=True):
        assert token not in out.getvalue() + error
    return out.getvalue(), error


def pending(topic: str, *, absent: int | None = None, account: str = "default") -> Subscription:
    """Create a row whose registration has no known outcome, first seen absent so many seconds ago."""
    row = subscriptions.add("default", [topic])
    row.account = account
    row.last_error = "POST /subscriptions was answered 503"
    row.absent_since = None if absent is None else now() - timedelta(seconds=absent)
    row.save()
    return row


def statuses() -> list[str]:
    return [row.status for row in Subscription.objects.order_by("pk")]


@pytest.mark.parametrize("options", [[], ["--apply"], ["--account", "default"]])
def test_with_nothing_to_do_it_says_so(sandbox: Sandbox, options: list[str]) -> None:
    Subscription.objects.create(topics=["lead.created"], status=Subscription.Status.FAILED)

    out, error = sync(*options)

    assert (out.splitlines()[-1], error) == ("There is nothing to do.", "")
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_without_apply_it_prints_the_plan_and_changes_nothing(sandbox: Sandbox) -> None:
    known = pending("lead.created")
    sandbox.add(known.topics, known.registered_url)
    pending("quote.updated")
    pending("interaction.resolved", absent=61)
    before = list(Subscription.objects.order_by("pk").values())

    out, error = sync()

    assert (out.splitlines(), error) == (
        [
            f"#{known.pk} lead.created (default): activate. Zenvia lists it.",
            f"#{known.pk + 1} quote.updated (default): wait. Zenvia does not list it yet. "
            "A call may be under way: look again in a minute.",
            f"#{known.pk + 2} interaction.resolved (default): register. Zenvia has not listed it for a minute.",
            "Nothing was changed: --apply does it.",
        ],
        "",
    )
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_apply_settles_what_can_be_settled_and_the_exit_says_what_could_not(sandbox: Sandbox) -> None:
    known = pending("lead.created")
    sandbox.add(known.topics, known.registered_url)
    pending("quote.updated")
    pending("interaction.resolved", absent=61)

    out, error = sync("--apply")

    assert statuses() == ["active", "pending", "active"]
    assert "  Subscription lead.created (default): registered at Zenvia as subscription1.\n" in out
    assert "  Subscription interaction.resolved (default): registered at Zenvia as subscription2.\n" in out
    assert error == "1 of 3 not settled; see above."
    assert len(sandbox.subscriptions) == 2


def test_what_apply_did_is_in_the_history(sandbox: Sandbox, admin_user: Any) -> None:
    user = admin_user.get_username()
    known, waits, leaves = pending("lead.created"), pending("quote.updated"), pending("interaction.resolved")
    # One of the two is one too many, and has no row.
    for _time in range(2):
        sandbox.add(known.topics, known.registered_url)
    ending = {"status": "active", "wish": "deleted", "remote_id": "gone", "absent_since": now()}
    Subscription.objects.filter(pk=leaves.pk).update(**ending)
    adopted = "c" * 64
    sandbox.add(["lead.updated"], callback_url(adopted))

    assert sync("--user", "nobody")[1] == "No user of this site is called 'nobody'."
    sync("--user", user)
    assert not LogEntry.objects.exists()
    sync("--apply", "--user", user)

    command = "zenvia_sync_subscriptions --apply"
    assert set(LogEntry.objects.values_list("object_id", "action_flag", "change_message", "user")) == {
        (str(known.pk), CHANGE, f"{command}: active.", admin_user.pk),
        (str(leaves.pk), DELETION, f"{command}: deleted.", admin_user.pk),
        (str(Subscription.objects.get(token=adopted).pk), ADDITION, f"{command}: active.", admin_user.pk),
    }
    assert Subscription.objects.get(pk=waits.pk).status == "pending"
    assert len(sandbox.subscriptions) == 2


def test_two_runs_a_minute_apart_register_what_zenvia_never_got(sandbox: Sandbox) -> None:
    pending("lead.created")
    sync("--apply")
    sync("--apply")
    assert sandbox.subscriptions == []

    Subscription.objects.update(absent_since=now() - timedelta(seconds=61))

    assert sync("--apply")[1] == ""
    assert statuses() == ["active"]
    assert len(sandbox.subscriptions) == 1


def test_a_refusal_by_then_leaves_the_row_failed(sandbox: Sandbox, settings: Any) -> None:
    pending("lead.created", absent=61)
    with Wire() as wire:
        settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["API_URL"] = wire.api_url
        wire.script("GET", says(200, []))
        wire.script("POST", says(403, {"message": "no scope"}))

        out, error = sync("--apply")

    assert statuses() == ["failed"]
    assert "not registered. POST /subscriptions was answered 403: no scope" in out
    assert error == "1 of 1 not settled; see above."


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_begins_meanwhile_is_left_to_them(sandbox: Sandbox, settings: Any) -> None:
    row = pending("lead.created", absent=61)
    with Wire() as wire:

        def lists_while_another_process_registers(asked: Asked) -> Iterable[bytes]:
            Subscription.objects.filter(pk=row.pk).update(absent_since=None, updated_at=now())
            connections.close_all()
            return says(200, [])(asked)

        settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["API_URL"] = wire.api_url
        wire.script("GET", lists_while_another_process_registers)

        error = sync("--apply")[1]

        assert wire.count("POST") == 0
    assert error == "1 of 1 not settled; see above."


@pytest.mark.parametrize("options", [[], ["--apply"]])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (hangs_up, "default: GET /subscriptions got no whole answer from 127.0.0.1:"),
        (says(401, {"message": "bad key"}), "default: GET /subscriptions was answered 401: bad key"),
        (says(200, "<html>"), "default: GET /subscriptions was answered 200: can't be read (no JSON): <html>"),
    ],
)
def test_where_zenvia_cant_be_asked_nothing_changes_and_the_exit_says_so(
    sandbox: Sandbox, settings: Any, answer: Answer, words: str, options: list[str]
) -> None:
    pending("lead.created", absent=61)
    before = list(Subscription.objects.values())
    with Wire() as wire:
        settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["API_URL"] = wire.api_url
        wire.script("GET", answer)

        error = sync(*options)[1]

    assert error.startswith(words)
    assert error.endswith("Zenvia could not be asked about every account; see above.")
    assert list(Subscription.objects.values()) == before


def test_one_account_that_cant_be_asked_does_not_keep_the_others_from_being_settled(sandbox: Sandbox) -> None:
    pending("lead.created", account="gone")
    known = pending("quote.updated")
    sandbox.add(known.topics, known.registered_url)

    out, error = sync("--apply")

    assert statuses() == ["pending", "active"]
    assert error.startswith("gone: ZENVIA_WEBHOOKS['ACCOUNTS'] has no account 'gone'")
    assert "registered at Zenvia as subscription1." in out


def test_it_keeps_to_the_account_it_is_told(sandbox: Sandbox, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["chile"] = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]
    for account in ("default", "chile"):
        row = pending("lead.created", account=account)
        sandbox.add(row.topics, row.registered_url)

    sync("--apply", "--account", "chile")

    assert statuses() == ["pending", "active"]


def test_an_account_that_is_not_there_is_an_error(sandbox: Sandbox) -> None:
    assert "no account 'nope' (it has: 'default')" in sync("--account", "nope")[1]
