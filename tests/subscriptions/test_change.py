"""Rotation and change of topics: what becomes of row and tokens with every answer of Zenvia's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.subscriptions.rows import listed, row, stored
from tests.wire import Answer, Asked, Wire, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status
Change = Callable[[Subscription], None]

pytestmark = pytest.mark.django_db

both_contracts = pytest.mark.parametrize("contract", ["help_center", "conversion"])


def to_quotes(subscription: Subscription) -> None:
    subscriptions.change_topics(subscription, ["quote.updated"])


both_changes = pytest.mark.parametrize("change", [subscriptions.rotate, to_quotes], ids=["rotate", "topics"])


def registered() -> Subscription:
    """Return a row that is registered, and what it is like in the database."""
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    assert made.status == Status.ACTIVE
    return made


def columns(subscription: Subscription) -> dict[str, Any]:
    values = Subscription.objects.filter(pk=subscription.pk).values().get()
    return {name: value for name, value in values.items() if name not in ("updated_at", "last_error", "last_synced_at")}


@both_contracts
def test_a_rotation_registers_anew_and_then_removes_the_one_before(
    sandbox: Sandbox, account: dict[str, Any], contract: str
) -> None:
    account["CONTRACT"] = contract
    made = registered()
    old_token, calls = made.token, len(sandbox.requests)

    subscriptions.rotate(made, overlap=timedelta(hours=2))

    [there] = sandbox.subscriptions
    assert stored(made) == ("active", there.id, "")
    assert there.callback_url == made.registered_url == made.callback_url
    assert old_token not in there.callback_url
    methods = [request.method for request in sandbox.requests[calls:]]
    assert methods == (["POST", "GET", "DELETE", "GET"] if contract == "help_center" else ["GET", "POST", "GET"])
    assert made.previous_token == old_token
    assert made.previous_token_expires_at is not None
    assert abs(made.previous_token_expires_at - now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert made.accepts(old_token)
    made.previous_token_expires_at -= timedelta(hours=2)
    assert not made.accepts(old_token)
    assert (made.previous_url, made.previous_topics) == ("", None)


@both_contracts
def test_a_change_of_topics_keeps_the_url(sandbox: Sandbox, account: dict[str, Any], contract: str) -> None:
    account["CONTRACT"] = contract
    made = registered()
    url = made.registered_url

    to_quotes(made)

    [there] = sandbox.subscriptions
    assert stored(made) == ("active", there.id, "")
    assert (there.callback_url, made.registered_url) == (url, url)
    assert there.topics == (("quote.updated",) if contract == "help_center" else ("quotes",))
    assert made.topics == ["quote.updated"]
    assert made.previous_token is None


def test_several_topics_are_one_subscription_where_the_contract_has_it_so(
    sandbox: Sandbox, account: dict[str, Any]
) -> None:
    account["CONTRACT"] = "conversion"
    made = registered()

    subscriptions.change_topics(made, ["lead.created", "quote.updated", "lead.created"])

    assert made.topics == ["lead.created", "quote.updated"]
    assert sandbox.subscriptions[0].topics == ("prospects", "quotes")


def test_topics_that_are_the_same_to_zenvia_take_no_call(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    made = registered()
    calls = len(sandbox.requests)

    subscriptions.change_topics(made, ["lead.updated"])

    assert Subscription.objects.get().topics == ["lead.updated"]
    assert len(sandbox.requests) == calls


@pytest.mark.parametrize(
    ("topics", "words"),
    [([], "exactly one topic"), (["a", "b"], "exactly one topic"), (["lead.created"], "these topics already")],
)
def test_topics_that_cant_be_are_refused_without_a_call(sandbox: Sandbox, topics: list[str], words: str) -> None:
    made = registered()
    before, calls = columns(made), len(sandbox.requests)

    with pytest.raises(ValueError, match=words):
        subscriptions.change_topics(made, topics)

    assert (columns(made), len(sandbox.requests)) == (before, calls)


@pytest.mark.parametrize("status", [Status.FAILED, Status.MISSING])
def test_a_topic_of_a_row_that_cant_be_registered_beside_is_taken_over(
    sandbox: Sandbox, account: dict[str, Any], status: Status
) -> None:
    other = row(status)
    Subscription.objects.filter(pk=other.pk).update(topics=["quote.updated"])
    account["CONTRACT"] = "conversion"
    made = Subscription(topics=["lead.created"])
    made.registered_url = made.callback_url
    made.save()
    subscriptions.register(made)

    subscriptions.change_topics(made, ["lead.created", "quote.updated"])

    assert [one.topics for one in sandbox.subscriptions] == [("prospects", "quotes")]


def test_a_topic_that_another_row_has_is_refused(sandbox: Sandbox) -> None:
    made, other = registered(), subscriptions.add("default", ["quote.updated"])

    with pytest.raises(ValueError, match=f"quote.updated has a subscription already.* see #{other.pk}"):
        to_quotes(made)


@both_changes
@pytest.mark.parametrize("status", [status for status in Status if status != Status.ACTIVE])
def test_only_an_active_one_is_changed(sandbox: Sandbox, change: Change, status: Status) -> None:
    made = row(status)

    with pytest.raises(ValueError, match="not known yet" if status == Status.PENDING else "Only an active"):
        change(made)

    assert sandbox.requests == []


def test_a_second_rotation_within_the_overlap_is_refused_and_says_until_when(sandbox: Sandbox) -> None:
    made = registered()
    subscriptions.rotate(made)
    before, calls = columns(made), len(sandbox.requests)

    with pytest.raises(ValueError, match=r"are good until Nov\.|are good until .* (a\.m\.|p\.m\.|noon|midnight)"):
        subscriptions.rotate(made)

    assert (columns(made), len(sandbox.requests)) == (before, calls)

    Subscription.objects.update(previous_token_expires_at=now() - timedelta(seconds=1))
    made.refresh_from_db()
    subscriptions.rotate(made)

    assert made.previous_token == before["token"]
    assert len(sandbox.subscriptions) == 1


def test_topics_change_within_an_overlap_and_leave_it_as_it_is(sandbox: Sandbox) -> None:
    made = registered()
    subscriptions.rotate(made)
    tokens = made.token, made.previous_token, made.previous_token_expires_at

    to_quotes(made)

    assert (made.token, made.previous_token, made.previous_token_expires_at) == tokens
    assert len(sandbox.subscriptions) == 1


def test_an_overlap_can_be_nothing_but_not_less(sandbox: Sandbox) -> None:
    made = registered()
    old = made.token
    with pytest.raises(ValueError, match="negative"):
        subscriptions.rotate(made, overlap=timedelta(seconds=-1))

    subscriptions.rotate(made, overlap=timedelta(0))

    assert not made.accepts(old)


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
    wire.script("GET", says(503))

    change(made)

    assert stored(made)[0] == "pending"

    wire.script("GET", says(200, [old, listed(made, "subscription2")]), says(200, [listed(made, "subscription2")]))
    wire.script("DELETE", says(204))
    subscriptions.settle(made)

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
    comparison = subscriptions.compare("default")
    assert [(line.kind, line.action) for line in comparison.lines] == [("ours", "activate"), ("extra", "remove")]
    wire.script("GET", says(200, [old, listed(made, "subscription2")]), says(200, [listed(made, "subscription2")]))
    for step in comparison.steps:
        subscriptions.carry_out(step)

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
@pytest.mark.parametrize("is_removed_by_hand", [True, False])
def test_one_before_that_stays_at_zenvia_is_told_and_looked_for_again(
    wire: Wire, change: Change, answer: Answer, is_removed_by_hand: bool
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
    assert "The one before is still at Zenvia" in subscriptions.describe(made)
    [extra] = subscriptions.compare("default").steps
    assert (extra.kind, extra.action) == ("extra", "remove")
    with pytest.raises(subscriptions.StillRegisteredError):
        subscriptions.carry_out(extra)

    if is_removed_by_hand:
        del there[0]
    else:
        wire.script("DELETE", lambda asked: (there.pop(0), says(204)(asked))[1])
    for step in subscriptions.compare("default").steps:
        subscriptions.carry_out(step)
    made.refresh_from_db()
    assert stored(made) == ("active", "subscription2", "")
    assert subscriptions.compare("default").steps == []


@both_changes
def test_of_two_changes_at_once_the_second_is_refused(sandbox: Sandbox, change: Change) -> None:
    made = registered()
    theirs = Subscription.objects.get()

    change(made)
    with pytest.raises(ValueError, match="somebody else"):
        change(theirs)

    assert len(sandbox.subscriptions) == 1


def _json(asked: Asked) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(asked.body)
    return sent
