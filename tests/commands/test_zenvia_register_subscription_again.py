"""`zenvia_register_subscription` where an earlier run, or another process, has been at work."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils.timezone import now

from tests.support.commands import KEY, register
from tests.support.wire import Asked, Wire, says
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

TOPICS = ["lead.created", "quote.updated", "interaction.resolved"]

Status = Subscription.Status

pytestmark = pytest.mark.django_db


def topics_of(sandbox: Sandbox) -> list[str]:
    return [registration.topics[0] for registration in sandbox.subscriptions]


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
    assert row.topics == ["lead.created", "quote.updated", "interaction.created", "agent.created"]
    assert register()[1] == ""


def test_after_a_switch_back_each_topic_gets_its_own(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    sandbox.fail(method="POST", status=404)
    assert "set CONTRACT to 'help_center'" in register()[1]
    account["CONTRACT"] = "help_center"

    assert register()[1] == ""

    assert topics_of(sandbox) == TOPICS


def test_one_registered_manually_is_left_alone(sandbox: Sandbox) -> None:
    Subscription.objects.create(topics=["lead.created"], status=Status.ACTIVE)

    assert "registered already, manually." in register("--topic", "lead.created")[0]

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
    assert error.endswith("Not registered: New lead (lead.created); see above.")
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_a_partial_failure_is_made_good_by_the_next_run(wire: Wire) -> None:
    def registers(asked: Asked) -> Iterable[bytes]:
        return says(201, {"id": wire.count("POST"), **json.loads(asked.body)})(asked)

    wire.script("POST", registers, says(403, {"message": "no scope"}), registers)

    assert register()[1].endswith("Not registered: Quote changed (quote.updated); see above.")
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

    made = Subscription.objects.get()
    assert register("--topic", topic) == (f"{made}: registered already as {made.remote_id}.\n", "")


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


def test_a_missing_key_is_named_and_the_next_run_with_it_registers(sandbox: Sandbox, account: dict[str, Any]) -> None:
    del account["API_KEY"]
    assert "['default'] has no API_KEY" in register("--topic", "lead.created")[1]
    assert sandbox.requests == []

    account["API_KEY"] = KEY
    assert register("--topic", "lead.created")[1] == ""

    assert Subscription.objects.get().status == "active"
