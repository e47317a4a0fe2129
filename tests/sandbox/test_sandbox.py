"""The sandbox as a server: its life, and what it refuses whoever asks; see test_sandbox_help_center.py and others."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.callbacks import KEY, create
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def test_hundred_callers_at_once_each_get_an_id_of_their_own(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(lambda _: create(sandbox).json()["id"], range(100)))
    assert len(set(ids)) == len(sandbox.subscriptions) == len(sandbox.requests) == 100


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Length": "many"}, b"", b"400"),
        ({"Content-Length": "-1"}, b"", b"400"),
        ({"Content-Length": "9" * 5000}, b"", b"413"),
        ({"Content-Length": "1048577"}, b"", b"413"),
        ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", b"411"),
        ({"Content-Length": "10"}, b"short", b"400"),
    ],
)
def test_a_body_of_no_known_length(sandbox: Sandbox, headers: dict[str, str], body: bytes, status: bytes) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    lines = [f"{name}: {value}" for name, value in {"Host": host, **headers}.items()]
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall("\r\n".join(["POST /v1/subscriptions HTTP/1.1", *lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").readline().split()[1] == status


def test_a_failure_of_its_own_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def report(line: str) -> None:
        raise RuntimeError(f"inner words: {line}")

    with Sandbox(api_key=KEY, report=report) as sandbox:
        answer = create(sandbox)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "inner words" not in answer.text
    assert "inner words" in caplog.text


def test_one_port_holds_one_sandbox(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).open()


def test_a_closed_sandbox_gives_its_port_back_and_can_still_be_read() -> None:
    with Sandbox(api_key=KEY) as first:
        create(first)
        port = int(first.url.rpartition(":")[2])
    assert len(first.subscriptions) == 1
    with Sandbox(api_key=KEY, port=port) as second:
        assert create(second).status_code == 201


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("[::1]:8090", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8090", 403),
        ("127.0.0.1@evil.example", 403),
        ("[", 403),
        ("", 403),
    ],
)
def test_only_names_of_this_machine_are_answered(sandbox: Sandbox, host: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=5)
    connection.request("GET", "/", headers={"Host": host})
    with connection.getresponse() as answer:
        assert answer.status == status
        assert (b"Subscriptions" in answer.read()) is (status == 200)
    connection.close()
