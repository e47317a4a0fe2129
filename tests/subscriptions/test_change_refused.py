"""A rotation or a change of topics that Zenvia refuses, or whose outcome is not known at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.changes import Change, both_changes, to_quotes
from tests.support.rows import columns, listed, row, stored, to_do
from tests.support.wire import Answer, Asked, Wire, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription

Status = Subscription.Status

pytestmark = pytest.mark.django_db


@both_changes
@pytest.mark.parametrize("status", [302, 400, 401, 403, 409, 429])
def test_a_refusal_leaves_the_registration_as_it_was(wire: Wire, change: Change, status: int) -> None:
    made = row(Status.ACTIVE, "subscription1")
    before = columns(made)
    wire.script("POST", says(status, {"message": "no"}))
    wire.script("GET", says(200, [listed(made)]))

    change(made)

    assert columns(made) == before
    assert stored(made)[2].startswith("The change was refused, and the registration is as it was: POST /subscriptions")
    assert made.last_error in subscriptions.describe(made)
    assert wire.count("DELETE") == 0


@both_changes
def test_a_conflict_that_cant_be_looked_into_gives_up_no_token(wire: Wire, change: Change) -> None:
    made = row(Status.ACTIVE, "subscription1")
    old = listed(made)
    wire.script("POST", says(409, {"message": "it is there already"}))
    wire.script("GET", says(200, [old]), says(503))

    change(made)

    assert stored(made)[0] == "pending"

    wire.script("GET", says(200, [old, listed(made, "subscription2")]), says(200, [listed(made, "subscription2")]))
    wire.script("DELETE", says(204))
    subscriptions.register_again(made)

    assert stored(made)[:2] == ("active", "subscription2")


@both_changes
@pytest.mark.parametrize("answer", [says(503), says(201, "<html>"), hangs_up, says(204), says(201, b"x" * 10_000_000)])
def test_an_unknown_outcome_keeps_both_until_the_list_shows_the_new_one(
    wire: Wire, change: Change, answer: Answer
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    old = listed(made)
    wire.script("POST", answer)
    wire.script("GET", says(200, [old]))

    change(made)

    token = old["callbackUrl"].rsplit("/", 2)[1]  # type: ignore[attr-defined]
    assert stored(made)[0] == "pending"
    assert made.accepts(token)
    assert made.previous_token_expires_at is None
    assert wire.count("DELETE") == 0

    wire.script("GET", says(200, [old, listed(made, "subscription2")]), says(200, [old, listed(made, "subscription2")]))
    wire.script("DELETE", says(204))
    steps = to_do()
    assert [(step.kind, step.action) for step in steps] == [("ours", "activate"), ("extra", "remove")]
    both, one = says(200, [old, listed(made, "subscription2")]), says(200, [listed(made, "subscription2")])
    wire.script("GET", both, both, one)
    for step in steps:
        subscriptions.reconcile("default", only=step)

    made.refresh_from_db()
    assert stored(made) == ("active", "subscription2", "")
    assert made.accepts(token)
    assert made.previous_url == ""
    assert (made.previous_token_expires_at is None) == (change is to_quotes)


@both_changes
def test_what_zenvia_took_but_does_not_list_yet_replaces_nothing(wire: Wire, change: Change) -> None:
    made = row(Status.ACTIVE, "subscription1")
    old = listed(made)
    wire.script("POST", lambda asked: says(201, {"id": "subscription2", **_json(asked)})(asked))
    wire.script("GET", says(200, [old]))

    change(made)

    assert stored(made)[0] == "pending"
    assert made.absent_since is not None
    assert "does not list it yet" in subscriptions.describe(made)
    assert wire.count("DELETE") == 0


@both_changes
@pytest.mark.parametrize("answer", [says(405), says(500), says(204), hangs_up])
@pytest.mark.parametrize("is_removed_manually", [True, False])
def test_one_before_that_stays_at_zenvia_is_told_and_looked_for_again(
    wire: Wire, change: Change, answer: Answer, is_removed_manually: bool
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    there = [listed(made)]

    def registers(asked: Asked) -> Iterable[bytes]:
        there.append({"id": "subscription2", **_json(asked)})
        return says(201, there[-1])(asked)

    wire.script("POST", registers)
    wire.script("GET", lambda asked: says(200, there)(asked))
    wire.script("DELETE", answer)

    change(made)

    assert stored(made)[:2] == ("active", "subscription2")
    assert "The previous one is still at Zenvia" in subscriptions.describe(made)
    [extra] = to_do()
    assert (extra.kind, extra.action) == ("extra", "remove")
    with pytest.raises(subscriptions.StillRegisteredError):
        subscriptions.reconcile("default", only=extra)

    if is_removed_manually:
        del there[0]
    else:
        wire.script("DELETE", lambda asked: (there.pop(0), says(204)(asked))[1])
    for step in to_do():
        subscriptions.reconcile("default", only=step)
    made.refresh_from_db()
    assert stored(made) == ("active", "subscription2", "")
    assert to_do() == []


def _json(asked: Asked) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(asked.body)
    return sent
