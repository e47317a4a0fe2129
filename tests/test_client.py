"""`client`: what goes to Zenvia, and what becomes of every answer, over real HTTP."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire import Answer, Wire, cut_after, hangs_up, raw, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaConnectionError, ZenviaError
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.transport import MAX_ANSWER_BYTES

KEY = "s3cret-key-of-the-account"
TOKEN = "0123456789abcdef" * 4
URL = f"https://crm.example.com/zenvia/webhook/{TOKEN}/"
OURS = {"id": "subscription1", "topic": "lead.created", "callbackUrl": URL}


@pytest.fixture
def account(settings: Any) -> dict[str, Any]:
    """Return the settings of the default account, to be changed at will."""
    account: dict[str, Any] = {"API_KEY": KEY, "TIMEOUT": 20}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}
    return account


@pytest.fixture
def wire(account: dict[str, Any]) -> Iterator[Wire]:
    with Wire() as server:
        account["API_URL"] = server.api_url
        yield server


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        account["API_URL"] = running.api_url
        yield running


CALLS: dict[str, Callable[[], object]] = {
    "GET": lambda: ZenviaClient().list_subscriptions(),
    "POST": lambda: ZenviaClient().create_subscription(["lead.created"], URL),
    "DELETE": lambda: ZenviaClient().delete_subscription("subscription1"),
}


def error_of(method: str) -> ZenviaError:
    with pytest.raises(ZenviaError) as caught:
        CALLS[method]()
    return caught.value


def everything_shown(error: BaseException | None) -> str:
    """Return all that a log or an error tracker could show of an error: its chain, and the variables of its frames."""
    shown = []
    while error is not None:
        # Without the test's own frame.
        frames = error.__traceback__ and error.__traceback__.tb_next
        trace = traceback.TracebackException(type(error), error, frames, capture_locals=True)
        shown += [*trace.format(), *traceback.format_exception(error)]
        shown += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(shown)


# What is sent


def test_a_registration_is_the_documented_request(sandbox: Sandbox) -> None:
    created = ZenviaClient().create_subscription(["lead.created"], URL)

    assert created == RemoteSubscription(id="subscription1", topics=("lead.created",), callback_url=URL)
    [request] = sandbox.requests
    assert (request.method, request.path) == ("POST", "/v1/subscriptions")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == f'{{"topic": "lead.created", "callbackUrl": "{URL}"}}'.encode()


def test_the_list_is_asked_for_with_the_key_and_without_a_body(sandbox: Sandbox) -> None:
    sandbox.add(["interaction.resolved"], "https://elsewhere.example/")

    assert ZenviaClient().list_subscriptions() == [
        RemoteSubscription(
            id="subscription1", topics=("interaction.resolved",), callback_url="https://elsewhere.example/"
        )
    ]
    [request] = sandbox.requests
    assert (request.method, request.path, request.body) == ("GET", "/v1/subscriptions", b"")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert "Content-Type" not in request.headers


def test_a_removal_names_the_id_in_the_path_and_404_is_removed_too(sandbox: Sandbox) -> None:
    sandbox.add(["lead.created"], URL)

    ZenviaClient().delete_subscription("subscription1")
    ZenviaClient().delete_subscription("a/b ç?")

    assert sandbox.subscriptions == []
    assert [(request.method, request.path, request.status) for request in sandbox.requests] == [
        ("DELETE", "/v1/subscriptions/subscription1", 204),
        ("DELETE", "/v1/subscriptions/a%2Fb%20%C3%A7%3F", 404),
    ]
    assert sandbox.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_renamed_topic_is_renamed_both_ways(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["WIRE_TOPICS"] = {"quote.updated": "cotação.status"}

    created = ZenviaClient().create_subscription(["quote.updated"], URL)

    assert sandbox.requests[0].json() == {"topic": "cotação.status", "callbackUrl": URL}
    assert created.topics == ("quote.updated",)
    assert ZenviaClient().list_subscriptions() == [created]


def test_a_netrc_file_does_not_take_the_keys_place(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))

    ZenviaClient().list_subscriptions()

    assert sandbox.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_this_machines_own_address_is_not_called_through_a_proxy(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Wire() as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")

        assert ZenviaClient().list_subscriptions() == []
        assert proxy.asked == []


# Answers that are good


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(("given", "read"), [("abc", "abc"), (42, "42"), ("  abc\n", "abc")])
def test_a_created_subscription_is_read(wire: Wire, status: int, given: object, read: str) -> None:
    wire.script("POST", says(status, {**OURS, "id": given, "createdAt": "2024-12-09"}))

    assert ZenviaClient().create_subscription(["lead.created"], URL).id == read
    assert wire.count("GET") == 0


@pytest.mark.parametrize("answer", [says(200), says(201, " \n"), says(204)])
def test_after_an_empty_answer_the_subscription_is_looked_up(wire: Wire, answer: Answer) -> None:
    stranger = {**OURS, "id": "stranger", "callbackUrl": "https://elsewhere.example/"}
    wire.script("POST", answer)
    wire.script("GET", says(200, [stranger, {**OURS, "id": "other", "topic": "quote.updated"}, OURS]))

    assert ZenviaClient().create_subscription(["lead.created"], URL).id == "subscription1"
    assert wire.count("POST") == 1


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (says(200, []), "an empty answer, and it is not in the list"),
        (says(403, {"message": "no scope"}), "GET /subscriptions was answered 403: no scope"),
        (hangs_up, "GET /subscriptions got no whole answer"),
    ],
)
def test_after_an_empty_answer_that_the_list_does_not_explain_the_outcome_is_unknown(
    wire: Wire, listed: Answer, words: str
) -> None:
    wire.script("POST", says(204))
    wire.script("GET", listed)

    error = error_of("POST")

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.outcome_unknown, wire.count("POST")) == (204, True, 1)
    assert words in str(error)


# Answers that are not

ECHO = f"not with {KEY}"
MASKED = "not with ***"

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
    "a list where an object is due": (201, [OURS], True, ": can't be read (a subscription with"),
    "an object that lacks the id": (200, {"topic": "lead.created"}, True, ": can't be read (a subscription with"),
    "deep nesting": (200, b"[" * 100_000, True, ": can't be read ("),
    "a number of 5000 digits": (200, b'{"id": ' + b"9" * 5000 + b"}", True, ": can't be read ("),
    "10 MB": (200, b'"' + b"x" * 10_000_000 + b'"', True, f": can't be read (more than {MAX_ANSWER_BYTES} bytes)"),
    "an error of 10 MB": (500, b"x" * 10_000_000, True, ": xxx"),
    "another URL": (
        201,
        {**OURS, "callbackUrl": f"{URL}?to=another"},
        True,
        ": can't be read (another subscription than",
    ),
    "another topic": (201, {**OURS, "topic": "quote.updated"}, True, ": can't be read (another subscription than"),
    "an id longer than our column": (201, {**OURS, "id": "x" * 256}, True, ": can't be read ("),
    "an id that no database takes": (201, {**OURS, "id": "a\0\ud800"}, True, ": can't be read ("),
}


@pytest.mark.parametrize(("status", "body", "unknown", "words"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_an_error_that_says_what_zenvia_said(
    wire: Wire, caplog: pytest.LogCaptureFixture, status: int, body: object, unknown: bool, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script("POST", says(status, body))

    error = error_of("POST")

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

    error = error_of("GET")

    assert isinstance(error, ZenviaAPIError)
    assert (error.status, error.message, error.code) == (409, "there already", "conflict")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("status", [401, 405, 500])
def test_the_other_calls_name_themselves_in_their_errors(wire: Wire, method: str, status: int) -> None:
    wire.script(method, says(status, {"message": "no"}))

    path = "/subscriptions" + ("/subscription1" if method == "DELETE" else "")
    assert str(error_of(method)) == f"{method} {path} was answered {status}: no"


@pytest.mark.parametrize("body", [b"", OURS, ["subscription1"], None, [OURS, {"callbackUrl": URL}]])
def test_a_list_that_cant_be_read_is_an_error(wire: Wire, body: object) -> None:
    wire.script("GET", says(200, body))

    assert str(error_of("GET")).startswith("GET /subscriptions was answered 200: can't be read (")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", CALLS)
def test_a_redirect_is_an_error_and_is_not_followed(wire: Wire, method: str, status: int) -> None:
    with Wire() as target:
        wire.script(method, says(status, location=f"http://{KEY}@{target.host}/v1/subscriptions?key={KEY}"))

        error = error_of(method)

        assert isinstance(error, ZenviaAPIError)
        assert f"was answered {status}: a redirect to {target.host}, which is not followed" in str(error)
        assert KEY not in everything_shown(error)
        assert not error.outcome_unknown
        assert target.asked == []
    assert len(wire.asked) == 1


@pytest.mark.parametrize("location", ["", "http://[", "http://host:port/", "/v2", "\x00"])
def test_a_redirect_to_nowhere_is_an_error_of_the_same_kind(wire: Wire, location: str) -> None:
    wire.script("POST", says(302, b"x" * 3_000_000, location=location))

    assert "POST /subscriptions was answered 302: a redirect" in str(error_of("POST"))


# No answer

JSON_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        hangs_up,
        cut_after(20, 201, OURS),
        cut_after(0, 200, []),
        lambda _asked: [raw(201, OURS)[:7]],
        lambda _asked: [b"\x00\x01no HTTP\r\n\r\n"],
        lambda _asked: [JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
        lambda _asked: [JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"],
        lambda _asked: [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"],
    ],
    ids=["nothing", "half a body", "no body", "half a status line", "no HTTP", "no chunk", "no gzip", "a huge header"],
)
def test_an_answer_that_is_not_whole_leaves_the_outcome_unknown(
    wire: Wire, caplog: pytest.LogCaptureFixture, method: str, answer: Answer
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.script(method, answer)

    error = error_of(method)

    assert isinstance(error, ZenviaConnectionError)
    assert error.outcome_unknown
    assert str(error).startswith(f"{method} /subscriptions")
    assert f"got no whole answer from {wire.host}: " in str(error)
    assert KEY not in everything_shown(error) + caplog.text
    assert len(wire.asked) == 1


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("kind", ["silent", "dripping head", "dripping headers", "dripping body", "dripping chunks"])
def test_the_time_out_is_for_the_whole_call(wire: Wire, account: dict[str, Any], method: str, kind: str) -> None:
    account["TIMEOUT"] = 0.3
    answers = {
        "silent": wire.says_nothing,
        "dripping head": wire.drips(b"HTTP/1.1 200 ", b"O"),
        "dripping headers": wire.drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        "dripping body": wire.drips(JSON_HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
        "dripping chunks": wire.drips(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    }
    wire.script(method, answers[kind])

    started = time.monotonic()
    error = error_of(method)

    assert time.monotonic() - started < 3
    assert isinstance(error, ZenviaConnectionError)
    assert str(error).endswith(f" got no whole answer from {wire.host} within 0.3 s")
    assert KEY not in everything_shown(error)
    assert len(wire.asked) == 1


def test_a_server_that_refuses_the_connection_is_named(account: dict[str, Any]) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        account["API_URL"] = f"http://{host}/v1"

        error = error_of("POST")

    assert isinstance(error, ZenviaConnectionError)
    assert str(error) == f"POST /subscriptions got no whole answer from {host}: ConnectionRefusedError"
    assert KEY not in everything_shown(error)


def test_the_reason_named_is_this_calls_own_even_while_another_error_is_handled(wire: Wire) -> None:
    wire.script("GET", hangs_up)

    try:
        raise LookupError("of somebody else")
    except LookupError:
        error = error_of("GET")

    assert str(error).endswith(": RemoteDisconnected")


# The key and the settings


@pytest.mark.parametrize("key", ["first\nsecond", "first second", "chave-é", "\x00", 12345, ["first"]])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(account: dict[str, Any], key: object) -> None:
    account["API_KEY"] = key

    with pytest.raises(ZenviaConfigurationError) as caught:
        ZenviaClient()

    assert "['API_KEY'] must be a string of printable ASCII characters" in str(caught.value)
    shown = repr(caught.value) + str(caught.value)
    assert all(part not in shown for part in ("first", "second", "chave", "12345"))


def test_a_key_read_from_a_file_loses_its_newline(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["API_KEY"] = f"{KEY}\r\n"

    assert ZenviaClient().list_subscriptions() == []


def test_a_key_hides_even_if_the_http_library_complains_about_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ZenviaClient()
    # Past the check of the settings: the library's own error would show the header.
    monkeypatch.setattr(client, "_api_key", f"{KEY}\nmore")

    with pytest.raises(ZenviaConnectionError) as caught:
        client.list_subscriptions()

    assert KEY not in everything_shown(caught.value)
    assert wire.asked == []


def test_a_key_hides_however_a_server_spells_it(wire: Wire, account: dict[str, Any]) -> None:
    account["API_KEY"] = 'k/e+y"&=end'
    spelt = ['k/e+y"&=end', r"k\/e+y\"&=end", r"k/e+y\"&=end", "k/e+y&quot;&amp;=end", "k%2Fe%2By%22%26%3Dend"]
    wire.script("GET", says(401, " | ".join(spelt)))

    assert str(error_of("GET")).endswith("401: *** | *** | *** | *** | ***")


def test_a_callback_urls_token_is_cut_down_where_a_server_echoes_it(wire: Wire) -> None:
    wire.script("POST", says(400, {"message": f"{'x' * 110} {URL} can't be reached"}))

    error = str(error_of("POST"))

    assert "https://crm.example.com/zenvia/webhook/012345…/ can't be reached" in error


@pytest.mark.usefixtures("account")
def test_no_repr_shows_the_key() -> None:
    client = ZenviaClient()

    assert repr(client) == "ZenviaClient('default')"
    assert "alias='default'" in repr(client.account)
    credentials = client.contract.credentials(KEY)
    assert credentials.headers == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(client.account) + repr(credentials)


@pytest.mark.parametrize("key", [None, ""])
def test_an_account_without_a_key_is_named(account: dict[str, Any], key: str | None) -> None:
    account["API_KEY"] = key

    with pytest.raises(ZenviaConfigurationError, match=r"\['default'\] has no API_KEY"):
        ZenviaClient()


@pytest.mark.usefixtures("account")
def test_an_account_that_is_not_there_is_named() -> None:
    with pytest.raises(ZenviaConfigurationError, match=r"no account 'nope' \(it has: 'default'\)"):
        ZenviaClient("nope")


@pytest.mark.parametrize("topics", [[], ["lead.created", "quote.updated"]])
def test_more_or_fewer_topics_than_one_are_refused_before_the_call(wire: Wire, topics: list[str]) -> None:
    with pytest.raises(ValueError, match="exactly one topic a subscription"):
        ZenviaClient().create_subscription(topics, URL)

    assert wire.asked == []


@pytest.mark.parametrize("wrote", [URL.rstrip("/"), URL.replace("crm.example.com", "CRM.Example.com")])
def test_a_url_that_zenvia_wrote_another_way_is_still_ours(wire: Wire, wrote: str) -> None:
    wire.script("POST", says(201, {**OURS, "callbackUrl": wrote}))
    assert ZenviaClient().create_subscription(["lead.created"], URL).id == OURS["id"]
