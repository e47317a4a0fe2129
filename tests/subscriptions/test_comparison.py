"""Our rows beside Zenvia's list, and what is made of the difference."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections

from tests.support.rows import row, stored, to_do
from tests.support.wire import Wire, hangs_up
from zenvia_webhooks import subscriptions
from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.exceptions import ZenviaConnectionError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


def test_a_plan_says_what_to_do_about_each_pending_row_and_changes_nothing(sandbox: Sandbox) -> None:
    rows = [row(Status.PENDING, absent=61), row(Status.PENDING), row(Status.PENDING, absent=30), row(Status.PENDING)]
    sandbox.add(rows[3].topics, rows[3].registered_url)
    row(Status.FAILED, absent=61)
    Subscription.objects.filter(pk=row(Status.PENDING).pk).update(account="other")
    before = list(Subscription.objects.order_by("pk").values())

    steps = to_do()

    assert [(step.subscription, step.action) for step in steps] == list(
        zip(rows, ["register", "wait", "wait", "activate"], strict=True)
    )
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert [request.method for request in sandbox.requests] == ["GET"]

    for step in steps:
        subscriptions.reconcile("default", only=step)

    for made in rows:
        made.refresh_from_db()
    assert [made.status for made in rows] == ["active", "pending", "pending", "active"]
    assert rows[1].absent_since is not None
    assert rows[1].last_synced_at is not None
    assert len(sandbox.subscriptions) == 2


def test_a_plan_that_zenvia_does_not_answer_is_an_error(wire: Wire) -> None:
    row(Status.PENDING)
    wire.script("GET", hangs_up)

    with pytest.raises(ZenviaConnectionError):
        subscriptions.current_plan("default")


@pytest.mark.django_db(transaction=True)
def test_two_that_apply_the_same_plan_at_the_same_moment_register_once(sandbox: Sandbox) -> None:
    row(Status.PENDING, absent=61)
    plans = [to_do() for _ in range(4)]
    refused: list[str] = []
    start = threading.Barrier(len(plans))

    def apply(steps: list[subscriptions.Step]) -> None:
        start.wait()
        try:
            subscriptions.reconcile("default", only=steps[0])
        except subscriptions.SubscriptionError as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=apply, args=[steps]) for steps in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sandbox.subscriptions) == 1
    assert Subscription.objects.get().status == Status.ACTIVE
    # Whoever came later was refused, or found that there is nothing to do.
    assert set(refused) <= {"It is active already, or somebody else is just registering it."}


def look() -> list[tuple[str, str]]:
    return [(line.kind, line.action) for line in subscriptions.current_plan("default")]


def apply() -> None:
    for step in to_do():
        subscriptions.reconcile("default", only=step)


def test_every_kind_of_line_is_told_apart(sandbox: Sandbox) -> None:
    ours, changed, missing = (row(Status.ACTIVE, f"id{number}") for number in range(3))
    failed, inactive = row(Status.FAILED), row(Status.INACTIVE)
    sandbox.add(ours.topics, ours.registered_url)
    sandbox.add(ours.topics, ours.registered_url)
    sandbox.add(["quote.updated"], changed.registered_url)
    sandbox.add(inactive.topics, inactive.registered_url)
    sandbox.add(["interaction.resolved"], callback_url("ab" * 32))
    sandbox.add(["lead.created"], callback_url("cd" * 32))
    sandbox.add(["lead.created"], "https://user:secret@a.example/hook?secret")
    before = list(Subscription.objects.order_by("pk").values())

    lines = subscriptions.current_plan("default")

    assert [(line.kind, line.action, line.subscription, line.host) for line in lines] == [
        ("ours", "activate", ours, "crm.example.com"),
        ("changed", "register", changed, "crm.example.com"),
        ("missing", "wait", missing, "crm.example.com"),
        ("pending", "keep", failed, "crm.example.com"),
        ("extra", "remove", ours, "crm.example.com"),
        ("extra", "remove", inactive, "crm.example.com"),
        ("adoptable", "adopt", None, "crm.example.com"),
        ("extra", "remove", None, "crm.example.com"),
        ("foreign", "keep", None, "a.example"),
    ]
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert [request.method for request in sandbox.requests] == ["GET"]
    said = " ".join(f"{line.name} {line.reason}" for line in lines)
    assert "secret" not in said
    assert redact_tokens(said) == said

    apply()

    rows = Subscription.objects.order_by("pk")
    assert [made.status for made in rows] == ["active", "active", "active", "failed", "inactive", "active"]
    assert look() == [
        ("ours", "keep"),
        ("ours", "keep"),
        ("missing", "wait"),
        ("pending", "keep"),
        ("ours", "keep"),
        ("foreign", "keep"),
    ]


def test_beat_changes_nothing_at_zenvia_and_adopts_nothing(sandbox: Sandbox) -> None:
    made = row(Status.ACTIVE, "id")
    for url in (made.registered_url, made.registered_url, callback_url("ab" * 32), "https://a.example/"):
        sandbox.add(made.topics, url)
    row(Status.MISSING, "id", absent=3600)
    row(Status.PENDING, absent=3600)
    before = sandbox.subscriptions

    subscriptions.compare_all()

    assert sandbox.subscriptions == before
    assert {request.method for request in sandbox.requests} == {"GET"}
    assert Subscription.objects.count() == 3


def test_what_is_lost_is_not_registered_beside_what_brings_its_topics(sandbox: Sandbox) -> None:
    lost, other = row(Status.ACTIVE, "id", absent=61), row(Status.ACTIVE, "subscription1")
    sandbox.add(other.topics, other.registered_url)

    apply()

    lost.refresh_from_db()
    assert lost.status == Status.MISSING
    assert len(sandbox.subscriptions) == 1
    assert look() == [("missing", "keep"), ("ours", "keep")]


def test_two_accounts_of_one_key_leave_each_others_rows_alone(
    sandbox: Sandbox, account: dict[str, Any], settings: Any
) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["chile"] = account
    for alias in ("default", "chile"):
        subscriptions.register(subscriptions.add(alias, ["lead.created"]))

    assert look() == [("ours", "keep"), ("ours", "keep")]
    assert to_do() == to_do("chile") == []


def test_what_zenvia_lists_with_other_topics_is_set_right_without_a_gap(sandbox: Sandbox) -> None:
    made = row(Status.ACTIVE, "subscription1")
    sandbox.add(["quote.updated"], made.registered_url)

    apply()

    made.refresh_from_db()
    assert stored(made) == ("active", "subscription2", "")
    assert [one.topics for one in sandbox.subscriptions] == [("lead.created",)]
    methods = [request.method for request in sandbox.requests]
    assert methods.index("POST") < methods.index("DELETE")


# Adopting


def test_one_that_calls_this_site_gets_its_row_back(sandbox: Sandbox) -> None:
    there = sandbox.add(["lead.created"], callback_url("ab" * 32))
    [step] = to_do()
    assert step.remote is not None

    subscriptions.reconcile("default", only=step)

    made = Subscription.objects.get()
    assert stored(made) == ("active", there.id, "")
    assert made.accepts("ab" * 32)
    assert made.callback_url == made.registered_url == there.callback_url
    assert look() == [("ours", "keep")]
    assert {request.method for request in sandbox.requests} == {"GET"}
    assert subscriptions.reconcile("default", only=step) == []


@pytest.mark.parametrize(
    "url",
    ["https://a.example/", f"https://crm.example.com/zenvia/{'ab' * 32}/", "https://crm.example.com/zenvia/webhook/x/"],
)
def test_what_calls_another_url_is_not_adopted(sandbox: Sandbox, url: str) -> None:
    sandbox.add(["lead.created"], url)
    [line] = subscriptions.current_plan("default")

    assert (line.kind, line.action) == ("foreign", "keep")
    assert subscriptions.reconcile("default", only=replace(line, action=subscriptions.Action.ADOPT)) == []
    assert not Subscription.objects.exists()


def test_what_is_gone_meanwhile_is_not_adopted(sandbox: Sandbox) -> None:
    there = sandbox.add(["lead.created"], callback_url("ab" * 32))
    [step] = to_do()
    sandbox.remove(there.id)

    assert subscriptions.reconcile("default", only=step) == []

    assert not Subscription.objects.exists()


# What has happened since the comparison


@pytest.mark.parametrize("since", ["removed", "changed"])
def test_a_step_that_is_out_of_date_does_nothing(sandbox: Sandbox, since: str) -> None:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    extra = sandbox.add(["quote.updated"], made.registered_url)
    [step] = to_do()
    if since == "removed":
        sandbox.remove(extra.id)
    else:  # to what was the extra one
        sandbox.remove(made.remote_id)
        Subscription.objects.update(topics=["quote.updated"], remote_id=extra.id)
    before = sandbox.subscriptions

    subscriptions.reconcile("default", only=step)

    assert sandbox.subscriptions == before


def test_a_note_does_not_overwrite_what_was_changed_meanwhile(sandbox: Sandbox) -> None:
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    Subscription.objects.update(remote_id="")
    [stale] = to_do()
    made.refresh_from_db()
    subscriptions.rotate(made)
    before = Subscription.objects.values().get()

    subscriptions.reconcile("default", only=stale)

    assert Subscription.objects.values().get() == before
