"""`subscriptions`: what becomes of a row with every answer of Zenvia's, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils.timezone import now

from tests.host import free_port
from tests.wire import Answer, Asked, Wire, cut_after, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.client import mask_tokens
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaConnectionError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(settings: Any) -> dict[str, Any]:
    """Return the settings of the default account, to be changed at will."""
    account: dict[str, Any] = {"API_KEY": "key-of-the-tests", "TIMEOUT": 20}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": "https://crm.example.com"}
    return account


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key="key-of-the-tests") as running:
        account["API_URL"] = running.api_url
        yield running


@pytest.fixture
def wire(account: dict[str, Any]) -> Iterator[Wire]:
    with Wire() as server:
        account["API_URL"] = server.api_url
        yield server


def row(status: Status, remote_id: str = "", *, age: int = 3600, absent: int | None = None) -> Subscription:
    """Create a row that was last touched `age` seconds ago, and first seen absent `absent` seconds ago."""
    made = subscriptions.add("default", ["lead.created"])
    Subscription.objects.filter(pk=made.pk).update(
        status=status,
        remote_id=remote_id,
        updated_at=now() - timedelta(seconds=age),
        absent_since=None if absent is None else now() - timedelta(seconds=absent),
    )
    made.refresh_from_db()
    return made


def listed(subscription: Subscription, remote_id: object = "subscription1") -> dict[str, object]:
    return {"id": remote_id, "topic": subscription.topics[0], "callbackUrl": subscription.registered_url}


def stored(subscription: Subscription) -> tuple[str, str, str]:
    """Return status, id at Zenvia and error as the database has them; they must be what the caller's object says."""
    fresh = Subscription.objects.get(pk=subscription.pk)
    assert (fresh.status, fresh.remote_id, fresh.last_error, fresh.absent_since, fresh.token) == (
        subscription.status,
        subscription.remote_id,
        subscription.last_error,
        subscription.absent_since,
        subscription.token,
    )
    return fresh.status, fresh.remote_id, fresh.last_error


# Adding


def test_an_added_row_is_pending_under_a_secret_url_of_its_own(account: dict[str, Any]) -> None:
    first, second = (subscriptions.add("default", ["lead.created"]) for _ in range(2))

    assert stored(first) == ("pending", "", "")
    assert first.registered_url == f"https://crm.example.com/zenvia/webhook/{first.token}/"
    assert len({first.token, second.token}) == 2
    assert subscriptions.add("default", ["quote.updated"], token="ab" * 32).registered_url.endswith("ab" * 32 + "/")


@pytest.mark.parametrize("missing", ["account", "url"])
def test_no_row_is_added_that_could_not_be_registered(account: dict[str, Any], settings: Any, missing: str) -> None:
    if missing == "url":
        del settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"]

    with pytest.raises(ZenviaConfigurationError):
        subscriptions.add("nope" if missing == "account" else "default", ["lead.created"])

    assert not Subscription.objects.exists()


@pytest.mark.usefixtures("account")
def test_topics_get_one_row_each_and_none_twice() -> None:
    assert subscriptions.topics_per_row("default", ["a", "b", "a"]) == [["a"], ["b"]]
    assert subscriptions.topics_per_row("default", []) == []
    with pytest.raises(ZenviaConfigurationError):
        subscriptions.topics_per_row("nope", ["a"])


# Registering


def test_a_registration_that_zenvia_takes_is_active(sandbox: Sandbox) -> None:
    made = row(Status.PENDING, absent=10)

    subscriptions.register(made)

    assert stored(made) == ("active", "subscription1", "")
    assert made.absent_since is None
    assert made.last_synced_at is not None
    [registered] = sandbox.subscriptions
    assert (registered.topics, registered.callback_url) == (("lead.created",), made.registered_url)
    assert "registered at Zenvia as subscription1." in subscriptions.describe(made)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 429])
def test_a_registration_that_zenvia_refuses_failed_in_zenvias_own_words(wire: Wire, status: int) -> None:
    made = row(Status.PENDING, absent=10)
    wire.script("POST", says(status, {"message": "callbackUrl: not reachable", "code": "bad"}))

    subscriptions.register(made)

    status_now, remote_id, error = stored(made)
    assert (status_now, remote_id, made.absent_since) == ("failed", "", None)
    assert error.startswith(f"POST /subscriptions was answered {status}: ")
    assert ("callbackUrl: not reachable" in error) == (status != 302)
    assert error in subscriptions.describe(made)
    assert wire.count("POST") == 1


def test_a_conflict_with_what_a_broken_call_left_behind_is_a_registration(wire: Wire) -> None:
    made = row(Status.PENDING, absent=61)
    wire.script("POST", says(409, {"message": "there already"}))
    wire.script("GET", says(200, [listed(made)]))

    subscriptions.register(made)

    assert stored(made)[:2] == ("active", "subscription1")


#: Answers to a POST that leave it open whether Zenvia registered.
UNKNOWN = {
    "500": says(500, "broken"),
    "503": says(503),
    "not JSON": says(201, "<html>"),
    "a list": says(201, ["subscription1"]),
    "another subscription": says(201, {"id": "x", "topic": "quote.updated", "callbackUrl": "https://a.example/"}),
    "10 MB": says(201, b"x" * 10_000_000),
    "nothing": hangs_up,
    "half": cut_after(10, 201, {"id": "subscription1"}),
    "204": says(204),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_outcome_is_settled_by_zenvias_list(wire: Wire, answer: Answer) -> None:
    made = row(Status.PENDING)
    wire.script("POST", answer)
    wire.script("GET", says(200, [{"id": "a", "topic": "lead.created", "callbackUrl": "https://a.example/"}]))

    subscriptions.register(made)

    status, _, error = stored(made)
    assert status == "pending"
    assert error.startswith("POST /subscriptions ")
    assert made.absent_since is not None
    assert "it is not known whether" in subscriptions.describe(made)
    assert error in subscriptions.describe(made)

    wire.script("GET", says(200, [listed(made, 7)]))
    again = Subscription.objects.get(pk=made.pk)
    subscriptions.register_again(again)

    assert stored(again) == ("active", "7", "")
    assert again.absent_since is None
    assert wire.count("POST") == 1


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_a_registration_found_in_the_list_at_once_is_active(wire: Wire, answer: Answer) -> None:
    made = row(Status.PENDING)
    wire.script("POST", answer)
    wire.script("GET", says(200, [listed(made)]))

    subscriptions.register(made)

    assert stored(made) == ("active", "subscription1", "")
    assert wire.count("POST") == 1


@pytest.mark.parametrize("list_answer", [says(500), says(401), says(200, "no list"), hangs_up])
@pytest.mark.parametrize("answer", [says(503), says(204)])
def test_an_unknown_outcome_stays_pending_while_the_list_cant_be_read(
    wire: Wire, answer: Answer, list_answer: Answer
) -> None:
    made = row(Status.PENDING)
    wire.script("POST", answer)
    wire.script("GET", list_answer)

    subscriptions.register(made)

    status, _, error = stored(made)
    assert (status, made.absent_since) == ("pending", None)
    assert error.startswith("POST /subscriptions ")


def test_without_a_key_the_registration_failed_and_says_what_to_set(account: dict[str, Any]) -> None:
    del account["API_KEY"]
    made = row(Status.PENDING)

    subscriptions.register(made)

    assert stored(made)[0] == "failed"
    assert "API_KEY" in made.last_error


def test_topics_that_the_contract_does_not_take_fail_without_a_call(wire: Wire) -> None:
    made = subscriptions.add("default", ["lead.created", "quote.updated"])

    subscriptions.register(made)

    assert stored(made)[0] == "failed"
    assert "exactly one topic" in made.last_error
    assert wire.asked == []


@pytest.mark.django_db(transaction=True)
def test_the_row_is_committed_before_zenvia_is_called(wire: Wire) -> None:
    seen: list[str | None] = []

    def answer(asked: Asked) -> Iterable[bytes]:
        """As another process: with a connection of its own."""
        try:
            token = asked.body.decode().rsplit("/", 2)[1]
            found = Subscription.objects.with_token(token)
            seen.append(found.status if found else None)
        finally:
            connections.close_all()
        return says(400, "no")(asked)

    wire.script("POST", answer)

    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    subscriptions.register_again(made)

    assert seen == ["pending", "pending"]


# Registering again


@pytest.mark.parametrize(("status", "new_token"), [("failed", False), ("inactive", True), ("missing", False)])
def test_what_is_not_active_is_registered_again(
    sandbox: Sandbox, settings: Any, status: Status, new_token: bool
) -> None:
    made = row(status, "old", absent=10)
    old_token = made.token
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "https://moved.example.com"

    subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert (made.token != old_token) == new_token
    assert sandbox.subscriptions[0].callback_url == f"https://moved.example.com/zenvia/webhook/{made.token}/"
    assert made.registered_url == sandbox.subscriptions[0].callback_url


def test_an_active_one_is_not_registered_again(sandbox: Sandbox) -> None:
    made = row(Status.ACTIVE, "subscription1")

    with pytest.raises(ValueError, match="active already"):
        subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert sandbox.requests == []


def test_without_a_callback_url_nothing_changes(sandbox: Sandbox, settings: Any) -> None:
    made = row(Status.INACTIVE)
    del settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"]

    with pytest.raises(ZenviaConfigurationError):
        subscriptions.register_again(made)

    assert stored(made)[0] == "inactive"
    assert sandbox.requests == []


@pytest.mark.parametrize(("status", "absent"), [("failed", None), ("missing", None), ("pending", 61)])
def test_of_two_that_register_again_at_once_the_second_is_refused(
    sandbox: Sandbox, status: Status, absent: int | None
) -> None:
    made = row(status, absent=absent)
    theirs = Subscription.objects.get(pk=made.pk)

    steps = subscriptions.plan("default")
    subscriptions.register_again(made)
    with pytest.raises(ValueError, match="somebody else"):
        subscriptions.carry_out(steps[0]) if steps else subscriptions.register_again(theirs)

    assert stored(made) == ("active", "subscription1", "")
    assert len(sandbox.subscriptions) == 1


@pytest.mark.parametrize(
    ("absent", "registered"), [(None, False), (30, False), (61, True)], ids=["unseen", "just now", "for a minute"]
)
def test_a_pending_one_that_zenvia_does_not_list_is_registered_again_after_a_minute(
    sandbox: Sandbox, absent: int | None, registered: bool
) -> None:
    made = row(Status.PENDING, absent=absent)
    absent_since = made.absent_since

    subscriptions.register_again(made)

    assert stored(made)[0] == ("active" if registered else "pending")
    assert len(sandbox.subscriptions) == registered
    if not registered:
        assert made.absent_since is not None
        assert absent_since in (None, made.absent_since)


def test_a_pending_one_that_zenvia_lists_is_active_without_another_call(sandbox: Sandbox) -> None:
    made = row(Status.PENDING, absent=61)
    sandbox.add(made.topics, made.registered_url)

    subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert len(sandbox.subscriptions) == 1


def test_a_row_is_by_hand_by_a_persons_word_alone(wire: Wire) -> None:
    made = row(Status.FAILED)

    subscriptions.register_by_hand(made)

    assert stored(made) == ("active", "", "")
    assert made.is_by_hand
    assert wire.asked == []
    assert "by hand" in subscriptions.describe(made)


# Removing

Remove = Callable[[Subscription], str]
both = pytest.mark.parametrize("remove", [subscriptions.deactivate, subscriptions.delete])


def is_removed(subscription: Subscription) -> bool:
    """Tell whether the token is dead: the row is gone, or inactive without an id."""
    fresh = Subscription.objects.filter(token=subscription.token).first()
    assert fresh is None or (fresh.status == Status.INACTIVE) == (fresh.remote_id == "")
    return fresh is None or not fresh.accepts(fresh.token)


def refusal(remove: Remove, subscription: Subscription) -> str:
    """Return why Zenvia's yes is missing; row and token must be as they were."""
    before = Subscription.objects.filter(pk=subscription.pk).values().get()
    with pytest.raises(subscriptions.StillRegisteredError) as caught:
        remove(subscription)
    assert Subscription.objects.filter(pk=subscription.pk).values().get() == before
    assert (subscription.status, subscription.token) == (before["status"], before["token"])
    return str(caught.value)


@both
def test_what_zenvia_removed_is_removed_here(sandbox: Sandbox, remove: Remove) -> None:
    made = row(Status.PENDING)
    subscriptions.register(made)

    assert remove(made) == ""

    assert is_removed(made)
    assert Subscription.objects.exists() == (remove is subscriptions.deactivate)
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
    stranger = {**listed(made, "another"), "callbackUrl": "https://elsewhere.example/"}
    wire.script("GET", says(200, [stranger, listed(made)]), says(200, [stranger]))

    assert remove(made) == ""

    assert is_removed(made)


@both
@pytest.mark.parametrize("status", [200, 204, 404, 405, 501])
def test_what_zenvia_still_lists_keeps_row_and_token(wire: Wire, remove: Remove, status: int) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("DELETE", says(status))
    wire.script("GET", says(200, [listed(made)]))

    why = refusal(remove, made)

    assert why.startswith("Zenvia still lists it as subscription1: remove it there by hand, then try again.")
    assert (f"was answered {status}" in why) == (status in (405, 501))


@both
@pytest.mark.parametrize(
    ("delete", "get"),
    [
        (says(500), says(200, [])),
        (says(401), says(200, [])),
        (says(302), says(200, [])),
        (hangs_up, says(200, [])),
        (says(204), says(503)),
        (says(404), hangs_up),
        (says(405), says(200, "no list")),
    ],
)
def test_without_zenvias_yes_row_and_token_stay(wire: Wire, remove: Remove, delete: Answer, get: Answer) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("DELETE", delete)
    wire.script("GET", says(200, [listed(made)]), get)

    assert refusal(remove, made).startswith("Zenvia did not confirm the removal, so nothing was changed here: ")


@both
def test_an_id_that_calls_another_url_is_left_alone(sandbox: Sandbox, remove: Remove) -> None:
    stranger = sandbox.add(["lead.created"], "https://elsewhere.example/")
    made = row(Status.ACTIVE, stranger.id)

    assert remove(made) == f"What Zenvia lists as {stranger.id} calls another URL, and was left alone."

    assert is_removed(made)
    assert sandbox.subscriptions == [stranger]


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
def test_only_what_was_not_registered_can_be_taken_for_registered_by_hand(status: Status) -> None:
    made = row(status, "subscription1")

    with pytest.raises(ValueError, match="pending or failed"):
        subscriptions.register_by_hand(made)

    assert stored(made)[:2] == (status, "subscription1")


@both
@pytest.mark.parametrize("answer", [says(401), says(403), says(404), says(302)])
def test_one_by_hand_is_removed_with_a_word_where_the_api_refuses(wire: Wire, remove: Remove, answer: Answer) -> None:
    made = row(Status.ACTIVE)
    wire.script("GET", answer)

    assert remove(made).startswith("Remove it at Zenvia, too: its API can't be asked (GET /subscriptions was answered")

    assert is_removed(made)


@both
def test_one_by_hand_is_removed_with_a_word_where_there_is_no_key(account: dict[str, Any], remove: Remove) -> None:
    del account["API_KEY"]
    made = row(Status.ACTIVE)

    assert "has no API_KEY" in remove(made)

    assert is_removed(made)


@both
@pytest.mark.parametrize("answer", [says(500), hangs_up])
def test_one_by_hand_stays_where_the_api_is_down(wire: Wire, remove: Remove, answer: Answer) -> None:
    wire.script("GET", answer)

    assert "did not confirm" in refusal(remove, row(Status.ACTIVE))


@both
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PENDING])
def test_a_row_without_an_id_is_looked_up_and_removed_at_zenvia(
    sandbox: Sandbox, remove: Remove, status: Status
) -> None:
    stranger = sandbox.add(["lead.created"], "https://elsewhere.example/")
    made = row(status, age=5)
    sandbox.add(made.topics, made.registered_url)

    assert remove(made) == ""

    assert is_removed(made)
    assert sandbox.subscriptions == [stranger]


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


# Comparing


def test_a_plan_says_what_to_do_about_each_pending_row_and_changes_nothing(sandbox: Sandbox) -> None:
    rows = [row(Status.PENDING, absent=61), row(Status.PENDING), row(Status.PENDING, absent=30), row(Status.PENDING)]
    sandbox.add(rows[3].topics, rows[3].registered_url)
    row(Status.FAILED, absent=61)
    Subscription.objects.filter(pk=row(Status.PENDING).pk).update(account="other")
    before = list(Subscription.objects.order_by("pk").values())

    steps = subscriptions.plan("default")

    assert [(step.subscription, step.action) for step in steps] == list(
        zip(rows, ["register", "wait", "wait", "activate"], strict=True)
    )
    assert list(Subscription.objects.order_by("pk").values()) == before
    assert [request.method for request in sandbox.requests] == ["GET"]

    for step in steps:
        subscriptions.carry_out(step)

    assert [stored(step.subscription)[0] for step in steps] == ["active", "pending", "pending", "active"]
    assert steps[1].subscription.absent_since is not None
    assert steps[1].subscription.last_synced_at is not None
    assert len(sandbox.subscriptions) == 2


def test_with_nothing_pending_zenvia_is_not_asked(wire: Wire) -> None:
    row(Status.ACTIVE, "subscription1")

    assert subscriptions.plan("default") == []
    assert wire.asked == []


def test_a_plan_that_zenvia_does_not_answer_is_an_error(wire: Wire) -> None:
    row(Status.PENDING)
    wire.script("GET", hangs_up)

    with pytest.raises(ZenviaConnectionError):
        subscriptions.plan("default")


@pytest.mark.django_db(transaction=True)
def test_two_that_carry_out_the_same_plan_at_the_same_moment_register_once(sandbox: Sandbox) -> None:
    row(Status.PENDING, absent=61)
    plans = [subscriptions.plan("default") for _ in range(4)]
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


def test_tokens_are_cut_down_in_a_url_for_people() -> None:
    assert mask_tokens(f"https://a.example/{'0f' * 32}/?x") == "https://a.example/0f0f0f…/?x"
    assert mask_tokens("https://a.example/lead") == "https://a.example/lead"


def test_a_server_that_is_not_there_was_told_nothing(wire: Wire, account: dict[str, Any]) -> None:
    account["API_URL"] = f"http://127.0.0.1:{free_port()}/v1"
    made = row(Status.PENDING)

    subscriptions.register(made)

    assert (made.status, "ConnectionRefusedError" in made.last_error) == ("failed", True)
