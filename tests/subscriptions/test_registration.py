"""Registrations: what becomes of a row with every answer of Zenvia's, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connections

from tests.support.host import free_port
from tests.support.rows import listed, row, stored, to_do
from tests.support.wire import Answer, Asked, Wire, cut_after, hangs_up, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


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
    wire.script("GET", says(200, []), says(200, [listed(made)]))

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
    wire.script("GET", says(200, []), says(200, [listed(made)]))

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
    wire.script("GET", says(200, []), list_answer)

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
    assert wire.count("POST") == 0


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


def test_a_server_that_is_not_there_was_told_nothing(wire: Wire, account: dict[str, Any]) -> None:
    account["API_URL"] = f"http://127.0.0.1:{free_port()}/v1"
    made = row(Status.PENDING)

    subscriptions.register(made)

    assert (made.status, "ConnectionRefusedError" in made.last_error) == ("failed", True)


@pytest.mark.parametrize("contract", ["help_center", "conversion"])
@pytest.mark.parametrize("status", [401, 404])
def test_a_key_of_the_other_contract_is_told(wire: Wire, account: dict[str, Any], contract: str, status: int) -> None:
    account["CONTRACT"] = contract
    other = {"help_center": "conversion", "conversion": "help_center"}[contract]
    made = row(Status.PENDING)
    wire.script("POST", says(status, {"message": "no"}))

    def knows_the_other(asked: Asked) -> Iterable[bytes]:
        is_other = ("api-key" in asked.path) == (other == "conversion")
        return says(200, [])(asked) if is_other else says(status, {"message": "no"})(asked)

    wire.script("GET", knows_the_other)

    subscriptions.register(made)

    assert made.status == "failed"
    assert made.last_error.endswith(f": no. This API key works with {other}: set CONTRACT to '{other}'.")
    assert "key-of-the-tests" not in made.last_error


def test_a_key_that_is_good_nowhere_is_told_as_it_is(wire: Wire) -> None:
    made = row(Status.PENDING)
    wire.script("POST", says(401, {"message": "no"}))
    wire.script("GET", says(200, []), says(401, {"message": "no"}))

    subscriptions.register(made)

    assert stored(made)[2] == "POST /subscriptions was answered 401: no"


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_bad_answers_of_the_other_contract_are_settled_too(wire: Wire, account: dict[str, Any], answer: Answer) -> None:
    account["CONTRACT"] = "conversion"
    made = row(Status.PENDING)
    wire.script("POST", answer)
    wire.script("GET", says(200, []))

    subscriptions.register(made)

    status, _, error = stored(made)
    assert status == "pending"
    assert error.startswith("POST /notifications/subscriptions ")
    assert "key-of-the-tests" not in error

    there = {"id": 7, "topics": ["prospects"], "callbackUrl": made.registered_url}
    wire.script("GET", says(200, [there]))
    [step] = to_do()
    subscriptions.reconcile("default", only=step)

    made.refresh_from_db()
    assert stored(made) == ("active", "7", "")
    assert wire.count("POST") == 1
