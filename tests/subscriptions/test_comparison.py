"""Our rows beside Zenvia's list, and what is made of the difference."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from tests.subscriptions.rows import row
from tests.wire import Wire, hangs_up
from zenvia_webhooks import subscriptions
from zenvia_webhooks.exceptions import ZenviaConnectionError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


def test_a_plan_says_what_to_do_about_each_pending_row_and_changes_nothing(sandbox: Sandbox) -> None:
    rows = [row(Status.PENDING, absent=61), row(Status.PENDING), row(Status.PENDING, absent=30), row(Status.PENDING)]
    sandbox.add(rows[3].topics, rows[3].registered_url)
    row(Status.FAILED, absent=61)
    Subscription.objects.filter(pk=row(Status.PENDING).pk).update(account="other")
    before = list(Subscription.objects.order_by("pk").values())

    steps = subscriptions.compare("default").steps

    assert [(step.subscription, step.action) for step in steps] == list(
        zip(rows, ["register", "wait", "wait", "activate"], strict=True)
    )
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert [request.method for request in sandbox.requests] == ["GET"]

    for step in steps:
        subscriptions.carry_out(step)

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
        subscriptions.compare("default")


@pytest.mark.django_db(transaction=True)
def test_two_that_carry_out_the_same_plan_at_the_same_moment_register_once(sandbox: Sandbox) -> None:
    row(Status.PENDING, absent=61)
    plans = [subscriptions.compare("default").steps for _ in range(4)]
    refused: list[str] = []
    start = threading.Barrier(len(plans))

    def apply(steps: list[subscriptions.Step]) -> None:
        start.wait()
        try:
            subscriptions.carry_out(steps[0])
        except ValueError as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=apply, args=[steps]) for steps in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sandbox.subscriptions) == 1
    assert len(refused) == 3
