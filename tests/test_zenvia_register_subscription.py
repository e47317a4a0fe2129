"""`zenvia_register_subscription`: what it registers, prints, and returns to the shell."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils.timezone import now

from tests.wire import Asked, Wire, hangs_up, says
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

KEY = "key-of-the-tests"
TOPICS = ["lead.created", "quote.updated", "interaction.resolved"]

Status = Subscription.Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(settings: Any) -> dict[str, Any]:
    """Return the settings of the default account, to be changed at will."""
    account: dict[str, Any] = {"API_KEY": KEY, "TIMEOUT": 20}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": "https://crm.example.com"}
    return account


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        account["API_URL"] = running.api_url
        yield running


def register(*options: str) -> tuple[str, str]:
    """Run the command; return what it printed and, if it failed, its error with what it wrote to stderr."""
    out, err = io.StringIO(), io.StringIO()
    error = ""
    try:
        call_command("zenvia_register_subscription", *options, stdout=out, stderr=err)
    except CommandError as raised:
        error = f"{err.getvalue()}{raised}"
    for token in Subscription.objects.values_list("token", flat=True):
        assert token not in out.getvalue() + error
    assert KEY not in out.getvalue() + error
    return out.getvalue(), error


def topics_of(sandbox: Sandbox) -> list[str]:
    return [registration.topics[0] for registration in sandbox.subscriptions]


def test_it_registers_every_known_topic_by_default(sandbox: Sandbox) -> None:
    out, error = register()

    assert error == ""
    assert topics_of(sandbox) == TOPICS
    rows = Subscription.objects.order_by("pk")
    assert [(row.topics, row.remote_id, row.status) for row in rows] == [
        ([topic], f"subscription{number}", "active") for number, topic in enumerate(TOPICS, 1)
    ]
    assert [row.registered_url for row in rows] == [one.callback_url for one in sandbox.subscriptions]
    lines = out.splitlines()
    token = rows[0].token
    assert lines[0] == (f"lead.created (default): registering https://crm.example.com/zenvia/webhook/{token[:6]}…/ ...")
    assert lines[1] == "Subscription lead.created (default): registered at Zenvia as subscription1."
    assert len(lines) == 6


def test_it_registers_the_topics_it_is_told_each_once(sandbox: Sandbox) -> None:
    register("--topic", "quote.updated", "--topic", " agent.created", "--topic", "quote.updated")

    assert topics_of(sandbox) == ["quote.updated", "agent.created"]


@pytest.mark.parametrize("topic", ["", " ", "lead created", "lead\n.created"])
def test_what_is_no_topic_is_refused(sandbox: Sandbox, topic: str) -> None:
    assert "is no topic" in register(f"--topic={topic}")[1]

    assert sandbox.requests == []


def test_it_registers_at_the_account_it_is_told(sandbox: Sandbox, settings: Any, account: dict[str, Any]) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"] = {"default": {"API_KEY": "wrong"}, "chile": account}

    register("--account", "chile", "--topic", "lead.created")

    assert Subscription.objects.get().account == "chile"
    assert topics_of(sandbox) == ["lead.created"]


def test_running_it_twice_is_harmless(sandbox: Sandbox) -> None:
    register()
    calls = len(sandbox.requests)

    out, error = register()

    assert error == ""
    assert out.splitlines()[0] == "lead.created (default): registered already as subscription1."
    assert len(out.splitlines()) == Subscription.objects.count() == 3
    assert len(sandbox.requests) == calls


def test_after_a_switch_of_contract_one_run_registers_all_that_was_refused(
    sandbox: Sandbox, account: dict[str, Any]
) -> None:
    sandbox.fail(next=3, method="POST", status=404)
    assert "set CONTRACT to 'conversion'" in register()[1]
    account["CONTRACT"] = "conversion"

    assert register()[1] == ""

    assert [one.topics for one in sandbox.subscriptions] == [("prospects", "quotes", "interactions", "agents")]
    row = Subscription.objects.get(status="active")
    assert row.topics == ["lead.created", "quote.updated", "interaction.resolved", "agent.created"]
    assert register()[1] == ""


def test_after_a_switch_back_each_topic_gets_its_own(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    sandbox.fail(method="POST", status=404)
    assert "set CONTRACT to 'help_center'" in register()[1]
    account["CONTRACT"] = "help_center"

    assert register()[1] == ""

    assert topics_of(sandbox) == TOPICS


def test_one_registered_by_hand_is_left_alone(sandbox: Sandbox) -> None:
    Subscription.objects.create(topics=["lead.created"], status=Status.ACTIVE)

    assert "registered already as by hand." in register("--topic", "lead.created")[0]

    assert sandbox.requests == []


def test_an_old_failure_is_left_alone_once_its_topic_is_registered(sandbox: Sandbox) -> None:
    Subscription.objects.create(topics=["lead.created"], status=Status.FAILED)
    Subscription.objects.create(topics=["lead.created"], status=Status.ACTIVE, remote_id="a")

    assert register("--topic", "lead.created")[1] == ""

    assert sandbox.requests == []


@pytest.mark.parametrize("status", [Status.FAILED, Status.MISSING])
def test_what_is_not_active_is_registered_again_under_todays_url(sandbox: Sandbox, status: Status) -> None:
    row = Subscription.objects.create(
        topics=["lead.created"], status=status, registered_url="https://old.example/", last_error="no scope"
    )

    out, error = register("--topic", "lead.created")

    assert error == ""
    assert "registering https://crm.example.com/" in out
    assert sandbox.subscriptions[0].callback_url == row.callback_url
    assert Subscription.objects.get().status == "active"


def test_an_inactive_one_gives_way_to_a_new_one(sandbox: Sandbox) -> None:
    Subscription.objects.create(topics=["lead.created"], status=Status.INACTIVE)

    register("--topic", "lead.created")

    assert [row.status for row in Subscription.objects.order_by("pk")] == ["inactive", "active"]


def test_a_call_that_was_cut_short_is_looked_up_and_not_repeated(sandbox: Sandbox) -> None:
    Subscription.objects.create(topics=["lead.created"], registered_url="https://crm.example.com/x/")

    error = register("--topic", "lead.created")[1]

    assert "it is not known whether Zenvia registered it (the call was cut short)." in error
    assert error.endswith("Not registered: lead.created; see above.")
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_where_some_fail_the_others_are_registered_and_the_exit_says_so(wire: Wire) -> None:
    wire.script("POST", says(400, {"message": "no such topic"}), says(503), hangs_up)
    wire.script("GET", says(200, []))

    error = register()[1]

    assert [row.status for row in Subscription.objects.order_by("pk")] == ["failed", "pending", "pending"]
    assert (
        "Subscription lead.created (default): not registered. POST /subscriptions was answered 400: no such topic\n"
        "Subscription quote.updated (default): it is not known whether Zenvia registered it "
        "(POST /subscriptions was answered 503). "
        "manage.py zenvia_sync_subscriptions --apply settles it.\n"
    ) in error
    assert error.endswith("Not registered: lead.created, quote.updated, interaction.resolved; see above.")
    assert wire.count("POST") == 3


def test_a_partial_failure_is_made_good_by_the_next_run(wire: Wire) -> None:
    def registers(asked: Asked) -> Iterable[bytes]:
        return says(201, {"id": wire.count("POST"), **json.loads(asked.body)})(asked)

    wire.script("POST", registers, says(403, {"message": "no scope"}), registers)

    assert register()[1].endswith("Not registered: quote.updated; see above.")
    assert register()[1] == ""

    rows = Subscription.objects.order_by("pk")
    assert [(row.topics[0], row.status, row.remote_id) for row in rows] == [
        ("lead.created", "active", "1"),
        ("quote.updated", "active", "4"),
        ("interaction.resolved", "active", "3"),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("contract", ["help_center", "conversion"])
def test_runs_at_the_same_moment_register_each_topic_once(
    sandbox: Sandbox, account: dict[str, Any], contract: str
) -> None:
    account["CONTRACT"] = contract
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        try:
            call_command("zenvia_register_subscription", stdout=io.StringIO(), stderr=io.StringIO())
        except CommandError:
            pass  # what another run has under way
        finally:
            connections.close_all()

    runs = [threading.Thread(target=run) for _ in range(start.parties)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()

    rows = Subscription.objects.order_by("pk")
    assert len(rows) == len(sandbox.subscriptions) == (3 if contract == "help_center" else 1)
    assert {row.status for row in rows} == {"active"}
    assert sum(request.method == "POST" for request in sandbox.requests) == len(rows)


@pytest.mark.parametrize("topic", ["interaction.created", "agent.created"])
def test_topics_that_are_one_to_zenvia_are_one_here(sandbox: Sandbox, account: dict[str, Any], topic: str) -> None:
    account["CONTRACT"] = "conversion"
    register()

    assert register("--topic", topic) == (f"{Subscription.objects.get()}: registered already as subscription1.\n", "")


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_begins_meanwhile_is_left_to_them(wire: Wire) -> None:
    first, second = (Subscription.objects.create(topics=[topic], status=Status.FAILED) for topic in TOPICS[:2])

    def answers_while_another_process_registers_the_second(asked: Asked) -> Iterable[bytes]:
        Subscription.objects.filter(pk=second.pk).update(updated_at=now())
        connections.close_all()
        return says(201, {"id": "a", **json.loads(asked.body)})(asked)

    wire.script("POST", answers_while_another_process_registers_the_second)

    out, error = register("--topic", "lead.created", "--topic", "quote.updated")

    assert f"{first}: registered at Zenvia as a." in out
    assert f"{second}: It is active already, or somebody else is just registering it." in error
    assert wire.count("POST") == 1


def test_a_server_that_echoes_the_callback_url_shows_no_token(wire: Wire) -> None:
    wire.script("POST", lambda asked: says(400, asked.body)(asked))

    assert "https://crm.example.com/zenvia/webhook/" in register("--topic", "lead.created")[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ACCOUNTS": {}}, "has no account 'default'"),
        ({"CALLBACK_BASE_URL": None}, "Set ZENVIA_WEBHOOKS['CALLBACK_BASE_URL']"),
        ({"CALLBACK_BASE_URL": "crm.example.com"}, "must be a URL"),
    ],
)
def test_what_is_missing_in_the_settings_is_said_before_a_row_is_made(
    sandbox: Sandbox, settings: Any, change: dict[str, Any], words: str
) -> None:
    settings.ZENVIA_WEBHOOKS.update(change)

    assert words in register()[1]

    assert not Subscription.objects.exists()
    assert sandbox.requests == []


def test_a_missing_key_is_named_and_the_next_run_with_it_registers(sandbox: Sandbox, account: dict[str, Any]) -> None:
    del account["API_KEY"]
    assert "['default'] has no API_KEY" in register("--topic", "lead.created")[1]
    assert sandbox.requests == []

    account["API_KEY"] = KEY
    assert register("--topic", "lead.created")[1] == ""

    assert Subscription.objects.get().status == "active"
