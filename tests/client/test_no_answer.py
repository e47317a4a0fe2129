"""Calls that no whole answer comes to, over real HTTP: their outcome is unknown, and nothing is sent twice."""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import pytest

from tests.support.account import KEY
from tests.support.calls import CALLS, OURS, ClientCall, error_of, everything_shown, with_each
from tests.support.wire import Answer, Wire, cut_after, hangs_up, raw
from zenvia_webhooks.client import ZenviaClient, transport
from zenvia_webhooks.exceptions import ZenviaConnectionError

JSON_HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


BROKEN: dict[str, Answer] = {
    "nothing": hangs_up,
    "half a body": cut_after(20, 201, OURS["help_center"]),
    "no body": cut_after(0, 200, []),
    "half a status line": lambda _asked: [raw(201, OURS["help_center"])[:7]],
    "no HTTP": lambda _asked: [b"\x00\x01no HTTP\r\n\r\n"],
    "no chunk": lambda _asked: [JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"],
    "no gzip": lambda _asked: [JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"],
    "a huge header": lambda _asked: [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"],
}
SLOW = ("silent", "dripping head", "dripping headers", "dripping body", "dripping chunks")


@pytest.mark.parametrize(("call", "kind"), with_each(BROKEN))
def test_an_answer_that_is_not_whole_leaves_the_outcome_unknown(
    wire: Wire, account: dict[str, Any], caplog: pytest.LogCaptureFixture, call: ClientCall, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    account["CONTRACT"] = call.contract
    wire.script(call.method, BROKEN[kind])

    error = error_of(call.make)

    assert isinstance(error, ZenviaConnectionError)
    assert error.outcome_unknown
    assert str(error).startswith(call.name)
    assert f"got no whole answer from {wire.host}: " in str(error)
    assert KEY not in everything_shown(error) + caplog.text
    assert len(wire.asked) == 1


@pytest.mark.parametrize(("call", "kind"), with_each(SLOW))
def test_the_time_out_is_for_the_whole_call(wire: Wire, account: dict[str, Any], call: ClientCall, kind: str) -> None:
    account["CONTRACT"], account["TIMEOUT"] = call.contract, 0.15
    answers = {
        "silent": wire.says_nothing,
        "dripping head": wire.drips(b"HTTP/1.1 200 ", b"O"),
        "dripping headers": wire.drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        "dripping body": wire.drips(JSON_HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
        "dripping chunks": wire.drips(JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    }
    wire.script(call.method, answers[kind])

    started = time.monotonic()
    error = error_of(call.make)

    assert time.monotonic() - started < 3
    assert isinstance(error, ZenviaConnectionError)
    assert str(error).endswith(f" got no whole answer from {wire.host} within 0.15 s")
    assert KEY not in everything_shown(error)
    assert len(wire.asked) == 1


def test_a_server_that_refuses_the_connection_is_named(account: dict[str, Any]) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        account["API_URL"] = f"http://{host}/v1"

        error = error_of(CALLS[1].make)

    assert isinstance(error, ZenviaConnectionError)
    assert str(error) == f"POST /subscriptions got no whole answer from {host}: ConnectionRefusedError"
    assert KEY not in everything_shown(error)


def test_the_reason_named_is_this_calls_own_even_while_another_error_is_handled(wire: Wire) -> None:
    wire.script("GET", hangs_up)

    try:
        raise LookupError("of somebody else")
    except LookupError:
        error = error_of(CALLS[0].make)

    assert str(error).endswith(": RemoteDisconnected")


def test_an_address_of_former_days_is_told_with_the_new_one(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unresolved(*_arguments: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(transport, "_exchange", unresolved)
    account["CONTRACT"], account["API_URL"] = "conversion", "https://api.getsirena.com/v1"
    error = error_of(lambda: ZenviaClient().list_subscriptions())
    assert "no whole answer from api.getsirena.com: gaierror" in str(error)
    assert "API_URL is https://conversion.zenvia.com/v1 now" in str(error)
    account["API_URL"] = "https://zenvia.invalid/v1"
    assert "now" not in str(error_of(lambda: ZenviaClient().list_subscriptions()))
