"""What becomes of Zenvia's bad answers, over real HTTP: one clear error each, which never shows the key."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.account import KEY
from tests.support.calls import CALLS, IDS, OURS, TOKEN, URL, ClientCall, error_of, everything_shown, with_each
from tests.support.wire import Wire, cut_after, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.calls import MAX_ANSWER_BYTES
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConnectionError

POST, GET = CALLS[1].make, CALLS[0].make

ECHO = f"not with {KEY}"
MASKED = "not with ***"


# Each call of each contract


@pytest.fixture(params=CALLS, ids=IDS)
def call(request: pytest.FixtureRequest, account: dict[str, Any]) -> ClientCall:
    chosen: ClientCall = request.param
    account["CONTRACT"] = chosen.contract
    return chosen


#: (answer's status, body, what the message says after "was answered STATUS: ")
EVERYWHERE: dict[str, tuple[int, object, str]] = {
    "not JSON": (200, f"all is well, {ECHO}", f"can't be read (no JSON): all is well, {MASKED}"),
    "HTML with 200": (200, f"<!doctype html>\n<p>{ECHO}", f"can't be read (no JSON): <!doctype html> <p>{MASKED}"),
    "a redirect": (302, f"<p>{ECHO}", "a redirect, which is not followed: check API_URL"),
    "20 MB": (200, b'"' + b"x" * 20_000_000 + b'"', "can't be read (more than "),
    "an error of 10 MB": (500, f"{ECHO} ".encode() + b"x" * 10_000_000, f"{MASKED} xxx"),
    "an error": (409, {"message": ECHO, "code": "conflict"}, MASKED),
}


@pytest.mark.parametrize(("call", "kind"), with_each(EVERYWHERE))
def test_every_call_says_its_name_the_status_and_the_first_words(
    wire: Wire, account: dict[str, Any], call: ClientCall, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    account["CONTRACT"] = call.contract
    status, body, words = EVERYWHERE[kind]
    wire.script(call.method, says(status, body))

    error = error_of(call.make)

    assert isinstance(error, ZenviaAPIError)
    assert str(error).startswith(f"{call.name} was answered {status}: {words}")
    assert len(str(error)) < 400
    assert "/v1/" in caplog.text  # so urllib3 was heard
    assert KEY not in everything_shown(error) + caplog.text
    assert len(wire.asked) == 1


def test_every_call_that_is_cut_off_half_way_says_how_far_it_came(
    wire: Wire, call: ClientCall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    within_the_key = len(f'{{"words": "{ECHO}') - 3
    wire.script(call.method, cut_after(within_the_key, 200, f'{{"words": "{ECHO}", "and": "more"}}'))

    error = error_of(call.make)

    assert isinstance(error, ZenviaConnectionError)
    assert error.outcome_unknown
    said = f"{call.name} got no whole answer from {wire.host}: IncompleteRead after 200: {{"
    assert str(error) == f'{said}"words": "not with ***'
    # Not even half of it: the answer broke off within.
    assert KEY[:6] not in everything_shown(error) + caplog.text
    assert len(wire.asked) == 1


def test_half_a_token_at_the_end_is_cut_down(wire: Wire, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "help_center"
    wire.script("GET", cut_after(60, 200, f'{{"callbackUrl": "/zenvia/webhook/{TOKEN}/"}}'))

    assert str(error_of(GET)).endswith('after 200: {"callbackUrl": "/zenvia/webhook/012345…')


SUBSCRIPTIONS = [call for call in CALLS if "/subscriptions" in call.name or "/subscription/" in call.name]
LISTS = [call for call in CALLS if call.name.startswith("GET") and call.name.endswith(("subscriptions", "topics"))]
OBJECTS = [call for call in SUBSCRIPTIONS if call not in LISTS]


def tell(calls: list[ClientCall]) -> list[str]:
    return [f"{call.contract} {call.name}" for call in calls]


@pytest.mark.parametrize("call", OBJECTS, ids=tell(OBJECTS))
def test_a_list_where_an_object_is_due(wire: Wire, account: dict[str, Any], call: ClientCall) -> None:
    account["CONTRACT"] = call.contract
    wire.script(call.method, says(200, [OURS[call.contract]]))

    assert str(error_of(call.make)).startswith(f"{call.name} was answered 200: can't be read (a")


@pytest.mark.parametrize("body", [{}, None, "subscriptions", [5], [[]]])
@pytest.mark.parametrize("call", LISTS, ids=tell(LISTS))
def test_anything_but_a_list_of_objects_where_one_is_due(
    wire: Wire, account: dict[str, Any], call: ClientCall, body: object
) -> None:
    account["CONTRACT"] = call.contract
    wire.script("GET", says(200, b'"text"' if body == "subscriptions" else b"null" if body is None else body))

    assert str(error_of(call.make)).startswith(f"{call.name} was answered 200: can't be read (a")


@pytest.mark.parametrize("contract", OURS)
@pytest.mark.parametrize(("given", "read"), [(42, "42"), (5.5, None), (True, None), (10**300, None)])
def test_an_id_that_is_a_whole_number_is_taken_for_its_digits(
    wire: Wire, account: dict[str, Any], contract: str, given: object, read: str | None
) -> None:
    account["CONTRACT"] = contract
    wire.script("POST", says(201, {**OURS[contract], "id": given}))
    wire.script("GET", says(200, [{**OURS[contract], "id": given}]))
    create, get = [call for call in CALLS if call.contract == contract and call.name.endswith("/subscriptions")][::-1]
    if read is None:
        assert f"{create.name} was answered 201: can't be read (" in str(error_of(create.make))
        assert f"{get.name} was answered 200: can't be read (" in str(error_of(get.make))
    else:
        assert ZenviaClient().create_subscription(["lead.created"], URL).id == read
        assert [row.id for row in ZenviaClient().list_subscriptions()] == [read]


@pytest.mark.parametrize(
    "change", [{"callbackUrl": f"{URL}?to=another"}, {"topic": "quote.updated", "topics": ["quotes"]}]
)
@pytest.mark.parametrize("contract", OURS)
def test_another_subscription_than_the_one_that_was_asked_for(
    wire: Wire, account: dict[str, Any], contract: str, change: dict[str, object]
) -> None:
    account["CONTRACT"] = contract
    wire.script("POST", says(201, OURS[contract] | change))

    error = error_of(lambda: ZenviaClient().create_subscription(["lead.created"], URL))

    assert error.outcome_unknown
    assert "was answered 201: can't be read (another subscription than the one asked for)" in str(error)
    assert TOKEN not in str(error)


def test_a_removal_of_another_than_the_one_asked_for(wire: Wire, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    wire.script("DELETE", says(200, {**OURS["conversion"], "id": "another"}))
    call = next(call for call in CALLS if "/subscription/" in call.name)

    assert f"{call.name} was answered 200: can't be read (another subscription" in str(error_of(call.make))


# The words, under one contract

SUBSCRIPTION = OURS["help_center"]

#: name → (answer, outcome unknown, what the message says after "POST /subscriptions was answered STATUS")
BAD_ANSWERS: dict[str, tuple[int, object, bool, str]] = {
    "400": (400, {"message": ECHO, "code": "bad"}, False, f": {MASKED}"),
    "401": (401, {"message": "who?", "code": 7}, False, ": who?"),
    "403": (403, {"error": "no scope"}, False, ": no scope"),
    "409": (409, {"detail": "there already"}, False, ": there already"),
    "408": (408, b"", True, ""),
    "429": (429, "slow down", False, ": slow down"),
    "500": (500, {"message": "broken"}, True, ": broken"),
    "503": (503, b"", True, ""),
    "plain text": (400, f"  {ECHO}\r\n\x1b[31mred", False, f": {MASKED} [31mred"),
    "HTML": (502, f"<html><h1>{ECHO}</h1>" + "x" * 9000, True, f": <html><h1>{MASKED}</h1>xxx"),
    "no UTF-8": (400, b"\xff\xfe caf\xe9", False, ": \N{REPLACEMENT CHARACTER}"),
    "empty 404": (404, b"", False, ""),
    "a message that is no text": (422, {"message": {"topic": ["bad"]}}, False, ': {"message": {"topic": ["bad"]}}'),
    "a list as an error": (400, [ECHO], False, f': ["{MASKED}"]'),
    "a key across the cut": (400, " " * 790 + KEY + " and more", False, ": *** and more"),
    "no JSON": (201, f"<p>{ECHO}", True, f": can't be read (no JSON): <p>{MASKED}"),
    "JSON not in UTF-8": (201, b'{"id": "' + KEY.encode() + b'\xff"}', True, ': can\'t be read (no JSON): {"id": "***'),
    "a list where an object is due": (201, [SUBSCRIPTION], True, ": can't be read (a subscription with"),
    "an object that lacks the id": (200, {"topic": "lead.created"}, True, ": can't be read (a subscription with"),
    "deep nesting": (200, b"[" * 100_000, True, ": can't be read ("),
    "a number of 5000 digits": (200, b'{"id": ' + b"9" * 5000 + b"}", True, ": can't be read ("),
    "10 MB": (200, b'"' + b"x" * 10_000_000 + b'"', True, f": can't be read (more than {MAX_ANSWER_BYTES} bytes)"),
    "an error of 10 MB": (500, b"x" * 10_000_000, True, ": xxx"),
    "another URL": (
        201,
        {**SUBSCRIPTION, "callbackUrl": f"{URL}?to=another"},
        True,
        ": can't be read (another subscription than",
    ),
    "another topic": (
        201,
        {**SUBSCRIPTION, "topic": "quote.updated"},
        True,
        ": can't be read (another subscription than",
    ),
    "an id longer than our column": (201, {**SUBSCRIPTION, "id": "x" * 256}, True, ": can't be read ("),
    "an id that no database takes": (201, {**SUBSCRIPTION, "id": "a\0\ud800"}, True, ": can't be read ("),
}


@pytest.mark.parametrize(("status", "body", "unknown", "words"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_an_error_that_says_what_zenvia_said(
    wire: Wire, caplog: pytest.LogCaptureFixture, status: int, body: object, unknown: bool, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script("POST", says(status, body))

    error = error_of(POST)

    assert isinstance(error, ZenviaAPIError)
    assert str(error).startswith(f"POST /subscriptions was answered {status}{words}")
    assert len(str(error)) < 400
    assert str(error).isprintable()
    assert (error.status, error.outcome_unknown) == (status, unknown)
    assert wire.count("POST") == 1
    assert "/v1/subscriptions" in caplog.text  # so urllib3 was heard
    assert KEY not in everything_shown(error) + caplog.text
    assert TOKEN not in str(error)


def test_zenvias_message_and_code_can_be_read_off_the_error(wire: Wire) -> None:
    wire.script("GET", says(409, {"message": "there already", "code": "conflict"}))

    error = error_of(GET)

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.message, error.code) == (409, "there already", "conflict")


# Redirects


@pytest.mark.parametrize(("call", "kind"), with_each(["300", "301", "302", "303", "307", "308"]))
def test_a_redirect_is_an_error_and_is_not_followed(
    wire: Wire, account: dict[str, Any], call: ClientCall, kind: str
) -> None:
    account["CONTRACT"], status = call.contract, int(kind)
    with Wire() as target:
        wire.script(call.method, says(status, location=f"http://{KEY}@{target.host}/v1/subscriptions?key={KEY}"))

        error = error_of(call.make)

        assert isinstance(error, ZenviaAPIError)
        assert f"was answered {status}: a redirect to {target.host}, which is not followed" in str(error)
        assert KEY not in everything_shown(error)
        assert not error.outcome_unknown
        assert target.asked == []
    assert len(wire.asked) == 1


@pytest.mark.parametrize("location", ["", "http://[", "http://host:port/", "/v2", "\x00"])
def test_a_redirect_to_nowhere_is_an_error_of_the_same_kind(wire: Wire, location: str) -> None:
    wire.script("POST", says(302, b"x" * 3_000_000, location=location))

    assert "POST /subscriptions was answered 302: a redirect" in str(error_of(POST))
