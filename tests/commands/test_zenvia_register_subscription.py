"""`zenvia_register_subscription`: what it registers, prints, and returns to the shell."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from tests.support.commands import register
from tests.support.host import free_port
from tests.support.wire import Wire, hangs_up, says
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import interaction_resolved

TOPICS = ["lead.created", "quote.updated", "interaction.resolved"]

Status = Subscription.Status

pytestmark = pytest.mark.django_db


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
    assert error.endswith(
        "(lead.created), Quote changed (quote.updated), Conversation closed (interaction.resolved); see above."
    )
    assert wire.count("POST") == 3


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


@pytest.mark.parametrize(
    ("topics", "has_receiver", "is_told"),
    [
        (["interaction.resolved"], False, True),
        (["interaction.created"], True, True),
        (["interaction.created"], False, False),
        (["interaction.resolved", "lead.created"], True, False),
    ],
)
def test_who_wants_what_is_resolved_is_told_where_it_comes_from(
    sandbox: Sandbox, settings: Any, topics: list[str], has_receiver: bool, is_told: bool
) -> None:
    account = {**settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"], "CONTRACT": "conversion"}
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": {"default": account}}
    if has_receiver:
        interaction_resolved.connect(receivers.note)

    out, error = register(*(f"--topic={topic}" for topic in topics))

    assert error == ""
    assert ("a lead that is archived" in out) is is_told


@pytest.mark.probed
@pytest.mark.django_db(transaction=True)
def test_it_looks_first_whether_zenvia_would_reach_this_site(
    sandbox: Sandbox, settings: Any, live_server: LiveServer
) -> None:
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
    error = register("--topic", "lead.created")[1]
    assert "This machine can't reach http://127.0.0.1:" in error
    assert "Start the web server" in error
    assert error.endswith("--no-probe registers all the same.")
    assert sandbox.requests == []
    assert not Subscription.objects.exists()

    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = live_server.url
    assert register("--topic", "lead.created")[1] == ""
    # What is registered already is not looked at again, and a person may know better.
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
    Subscription.objects.update(registered_url=Subscription.objects.get().callback_url)
    assert register("--topic", "lead.created")[1] == ""
    assert register("--topic", "quote.updated", "--no-probe")[1] == ""


def test_it_leaves_a_line_in_the_history(
    sandbox: Sandbox, admin_user: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert register("--topic", "lead.created", "--user", "nobody")[1] == "No user of this site is called 'nobody'."
    assert sandbox.requests == []
    with caplog.at_level("INFO", "zenvia_webhooks.audit"):
        register("--topic", "lead.created", "--user", admin_user.get_username())
    row = Subscription.objects.get()
    assert f"subscription #{row.pk} is active" in caplog.text
    client.force_login(admin_user)
    page = client.get(f"/admin/zenvia_webhooks/subscription/{row.pk}/history/").content.decode()
    assert "zenvia_register_subscription: " in page
    # Whoever is no user of the site is in the log alone.
    register("--topic", "quote.updated")
    assert LogEntry.objects.count() == 1
