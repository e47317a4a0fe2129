"""Removal: the row goes, or its token dies, only after Zenvia's yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support.factories import make_event
from tests.support.rows import listed, row, stored, to_do
from tests.support.wire import Answer, Wire, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.models.task_run import TEST_EVENT
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.subscriptions import rows

Status = Subscription.Status
#: As it stands in a statement.
TABLE = connection.ops.quote_name(Event._meta.db_table)

pytestmark = pytest.mark.django_db


Remove = Callable[[Subscription], str]
both = pytest.mark.parametrize("remove", [subscriptions.deactivate, subscriptions.delete])


def is_removed(subscription: Subscription) -> bool:
    """Tell whether the token is dead: the row is gone, or inactive without an id."""
    fresh = Subscription.objects.filter(token=subscription.token).first()
    assert fresh is None or (fresh.status == Status.INACTIVE) == (fresh.remote_id == "")
    return fresh is None or not fresh.accepts(fresh.token)


def refusal(remove: Remove, subscription: Subscription) -> str:
    """Return why Zenvia's yes is missing; row and token must be as they were."""
    before = dict(Subscription.objects.filter(pk=subscription.pk).values().get())
    with pytest.raises(subscriptions.StillRegisteredError) as caught:
        remove(subscription)
    after = dict(Subscription.objects.filter(pk=subscription.pk).values().get())
    is_open = "is still good here" in str(caught.value)
    assert (after.pop("wish") == before.pop("wish")) != is_open
    assert after == before
    assert (subscription.status, subscription.token) == (before["status"], before["token"])
    return str(caught.value)


def test_events_of_what_is_deleted_stay_and_are_not_held_all_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "EVENTS_AT_ONCE", 2)
    made = row(Status.PENDING)
    subscriptions.register(made)
    pks = {make_event(subscription=made).pk for _ in range(5)}
    with CaptureQueriesContext(connection) as queries:
        subscriptions.delete(made)
    assert set(Event.objects.filter(subscription=None).values_list("pk", flat=True)) == pks
    updates = [query["sql"] for query in queries.captured_queries if query["sql"].startswith(f"UPDATE {TABLE}")]
    # Django's own, at the deletion, finds none any more.
    assert len(updates) == 4


@both
def test_what_zenvia_removed_is_removed_here(sandbox: Sandbox, remove: Remove) -> None:
    made = row(Status.PENDING)
    subscriptions.register(made)
    for pk in (made.pk, made.pk + 1):
        TaskRun.objects.create(task=TEST_EVENT.format(pk=pk), started_at=now())

    assert remove(made) == ""

    assert is_removed(made)
    is_kept = remove is subscriptions.deactivate
    assert Subscription.objects.exists() == is_kept
    assert TaskRun.objects.filter(task__endswith=f"#{made.pk}").exists() == is_kept
    assert TaskRun.objects.filter(task__endswith=f"#{made.pk + 1}").exists()
    if remove is subscriptions.deactivate:
        assert "inactive" in subscriptions.describe(made)
    assert sandbox.subscriptions == []


@both
@pytest.mark.parametrize("status", [404, 405, 501])
def test_what_zenvia_does_not_list_counts_as_removed_whatever_delete_was_answered(
    wire: Wire, remove: Remove, status: int
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("DELETE", says(status))
    foreign = {**listed(made, "another"), "callbackUrl": "https://a.example/"}
    wire.script("GET", says(200, [foreign, listed(made)]), says(200, [foreign]))

    assert remove(made) == ""

    assert is_removed(made)


@both
@pytest.mark.parametrize("status", [200, 204, 404, 405, 501])
def test_what_zenvia_still_lists_keeps_row_and_token(wire: Wire, remove: Remove, status: int) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("DELETE", says(status))
    wire.script("GET", says(200, [listed(made)]))

    why = refusal(remove, made)

    assert why.startswith("Zenvia still lists it as subscription1: remove it there manually, then try again.")
    assert (f"was answered {status}" in why) == (status in (405, 501))


@both
@pytest.mark.parametrize(
    ("delete", "get", "is_known"),
    [
        (says(500), says(200, []), False),
        (says(401), says(200, []), True),
        (says(302), says(200, []), True),
        (hangs_up, says(200, []), False),
        (says(204), says(503), False),
        (says(404), hangs_up, False),
        (says(405), says(200, "no list"), False),
    ],
)
def test_without_zenvias_yes_row_and_token_stay(
    wire: Wire, remove: Remove, delete: Answer, get: Answer, is_known: bool
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("DELETE", delete)
    wire.script("GET", says(200, [listed(made)]), get)

    rest = "nothing was changed here: " if is_known else "the callback URL is still good here: "
    assert refusal(remove, made).startswith(f"Zenvia did not confirm the removal, so {rest}")
    assert "DELETE" not in [asked.method for asked in wire.asked[2:]]

    # What is not known, the next look settles; what was refused, a person does.
    wire.script("GET", says(200, []))
    assert [step.action for step in to_do()] == (["wait"] if is_known else ["end"])
    subscriptions.compare_all()
    assert is_removed(made) != is_known


@both
def test_what_another_key_has_is_not_said_to_be_removed(sandbox: Sandbox, remove: Remove) -> None:
    made = row(Status.ACTIVE, "subscription1")
    made.last_event_at = now()
    made.save()

    assert "Remove it with the key that it was registered with." in remove(made)

    assert is_removed(made)


@both
def test_an_id_that_calls_another_url_is_left_alone(sandbox: Sandbox, remove: Remove) -> None:
    foreign = sandbox.add(["lead.created"], "https://a.example/")
    made = row(Status.ACTIVE, foreign.id)

    assert remove(made) == f"What Zenvia lists as {foreign.id} calls another URL, and was left alone."

    assert is_removed(made)
    assert sandbox.subscriptions == [foreign]


@both
def test_a_time_out_keeps_row_and_token(wire: Wire, account: dict[str, Any], remove: Remove) -> None:
    account["TIMEOUT"] = 0.2
    made = row(Status.ACTIVE, "subscription1")
    wire.script("GET", says(200, [listed(made)]))
    wire.script("DELETE", wire.says_nothing)

    assert "within 0.2 s" in refusal(remove, made)


@both
def test_what_is_not_at_zenvia_any_more_is_removed_without_a_call(wire: Wire, remove: Remove) -> None:
    made = row(Status.INACTIVE)

    assert remove(made) == ""

    assert is_removed(made)
    assert wire.asked == []


@both
@pytest.mark.parametrize("answer", [says(200, []), says(401)])
def test_what_zenvia_refused_is_removed(wire: Wire, remove: Remove, answer: Answer) -> None:
    made = row(Status.FAILED)
    wire.script("GET", answer)

    assert remove(made) == ""

    assert is_removed(made)


@both
def test_what_was_refused_and_is_there_all_the_same_is_removed_at_zenvia(sandbox: Sandbox, remove: Remove) -> None:
    made = row(Status.FAILED)
    sandbox.add(made.topics, made.registered_url)

    assert remove(made) == ""

    assert sandbox.subscriptions == []


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.INACTIVE, Status.MISSING])
def test_only_what_was_not_registered_can_be_taken_for_registered_manually(status: Status) -> None:
    made = row(status, "subscription1")

    with pytest.raises(subscriptions.SubscriptionError, match="pending or failed"):
        subscriptions.manual(made)

    assert stored(made)[:2] == (status, "subscription1")


@both
@pytest.mark.parametrize("answer", [says(401), says(403), says(404), says(302)])
def test_a_manual_one_is_removed_with_a_word_where_the_api_refuses(wire: Wire, remove: Remove, answer: Answer) -> None:
    made = row(Status.ACTIVE)
    wire.script("GET", answer)

    assert remove(made).startswith("Remove it at Zenvia, too: its API can't be asked (GET /subscriptions was answered")

    assert is_removed(made)


@both
def test_a_manual_one_is_removed_with_a_word_where_there_is_no_key(account: dict[str, Any], remove: Remove) -> None:
    del account["API_KEY"]
    made = row(Status.ACTIVE)

    assert "has no API_KEY" in remove(made)

    assert is_removed(made)


@both
@pytest.mark.parametrize("answer", [says(500), hangs_up])
def test_a_manual_one_stays_where_the_api_is_down(wire: Wire, remove: Remove, answer: Answer) -> None:
    wire.script("GET", answer)

    assert "did not confirm" in refusal(remove, row(Status.ACTIVE))


@both
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PENDING])
def test_a_row_without_an_id_is_looked_up_and_removed_at_zenvia(
    sandbox: Sandbox, remove: Remove, status: Status
) -> None:
    foreign = sandbox.add(["lead.created"], "https://a.example/")
    made = row(status, age=5)
    sandbox.add(made.topics, made.registered_url)

    assert remove(made) == ""

    assert is_removed(made)
    assert sandbox.subscriptions == [foreign]


@both
@pytest.mark.parametrize(("status", "age"), [(Status.PENDING, 61), (Status.ACTIVE, 5), (Status.MISSING, 5)])
def test_a_row_without_an_id_that_zenvia_does_not_list_is_removed(
    sandbox: Sandbox, remove: Remove, status: Status, age: int
) -> None:
    made = row(status, age=age)

    assert remove(made) == ""

    assert is_removed(made)


@both
def test_a_registration_that_may_be_under_way_stays(sandbox: Sandbox, remove: Remove) -> None:
    assert "may still be under way" in refusal(remove, row(Status.PENDING, age=50))


@both
def test_a_row_of_an_account_that_is_gone_from_the_settings_stays(
    account: dict[str, Any], settings: Any, remove: Remove
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"] = {"other": account}

    assert "no account 'default'" in refusal(remove, made)


@both
def test_what_stands_for_nothing_needs_nobody(wire: Wire, settings: Any, remove: Remove) -> None:
    made = row(Status.INACTIVE)
    settings.ZENVIA_WEBHOOKS = {}

    assert remove(made) == ""

    assert is_removed(made)
    assert wire.asked == []
