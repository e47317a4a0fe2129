"""The sandbox speaks the contract `help_center`: DESIGN 1.1, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from tests.support.callbacks import BEARER, KEY, create
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def test_a_subscription_is_created_listed_and_deleted(sandbox: Sandbox) -> None:
    assert sandbox.api_url == sandbox.url + "/v1"
    expected = {
        "id": "subscription1",
        "topic": "lead.created",
        "callbackUrl": "https://crm.example.com/hook/",
    }

    created = create(sandbox)
    assert (created.status_code, created.json()) == (201, expected)
    assert created.headers["Content-Type"].startswith("application/json")

    listed = requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=5)
    assert (listed.status_code, listed.json()) == (200, [expected])
    one = sandbox.subscriptions[0]
    assert (one.id, one.topics, one.callback_url) == (
        "subscription1",
        ("lead.created",),
        "https://crm.example.com/hook/",
    )

    address = f"{sandbox.api_url}/subscriptions/subscription1"
    deleted = requests.delete(address, headers=BEARER, timeout=5)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert requests.delete(address, headers=BEARER, timeout=5).status_code == 404
    assert sandbox.subscriptions == []
    assert create(sandbox).json()["id"] == "subscription2"  # an id is never given twice


def test_each_call_is_recorded_as_it_was_sent(sandbox: Sandbox) -> None:
    create(sandbox)
    requests.get(f"{sandbox.api_url}/subscriptions?page=2", headers={"Authorization": "Bearer no"}, timeout=5)
    first, second = sandbox.requests
    assert (first.method, first.path, first.status) == ("POST", "/v1/subscriptions", 201)
    assert first.body == b'{"topic": "lead.created", "callbackUrl": "https://crm.example.com/hook/"}'
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.headers["Content-Type"] == "application/json"
    assert (second.method, second.path, second.status) == ("GET", "/v1/subscriptions?page=2", 401)
    assert KEY not in repr(first)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}],
)
def test_a_missing_or_wrong_key_is_answered_401(sandbox: Sandbox, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(method, f"{sandbox.api_url}/subscriptions", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert sorted(answer.json()) == ["code", "message"]
        assert KEY not in answer.text
    assert sandbox.subscriptions == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'["lead.created"]',
        b'{"topic": "lead.created"}',
        b'{"callbackUrl": "https://crm.example.com/"}',
        b'{"topic": 1, "callbackUrl": "https://crm.example.com/"}',
        b'{"topic": "\\ud800", "callbackUrl": "https://crm.example.com/"}',
        b'{"topic": "lead.created", "callbackUrl": "crm.example.com"}',
        b'{"topic": "lead.created", "callbackUrl": "javascript:alert(1)"}',
        b'{"topic": "lead.created", "callbackUrl": "http://[crm/"}',
    ],
)
def test_a_body_that_cannot_be_used_is_answered_400(sandbox: Sandbox, body: bytes) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = requests.post(f"{sandbox.api_url}/subscriptions", data=body, headers=headers, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert sandbox.subscriptions == []


def test_another_content_type_is_answered_400(sandbox: Sandbox) -> None:
    body = json.dumps({"topic": "lead.created", "callbackUrl": "https://crm.example.com/"})
    for kind, status in (("text/plain", 400), ("application/json; charset=utf-8", 201)):
        headers = {**BEARER, "Content-Type": kind}
        answer = requests.post(f"{sandbox.api_url}/subscriptions", data=body, headers=headers, timeout=5)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/v1/nothing", 404, None),
        ("GET", "/v2/subscriptions", 404, None),
        ("DELETE", "/v1/subscriptions/", 404, None),
        ("PUT", "/v1/subscriptions", 405, "GET, POST"),
        ("GET", "/v1/subscriptions/subscription1", 405, "DELETE"),
        ("POST", "/", 405, "GET, HEAD"),
        ("DELETE", "/send", 405, "POST"),
    ],
)
def test_unknown_paths_and_methods(sandbox: Sandbox, method: str, path: str, status: int, allow: str | None) -> None:
    answer = requests.request(method, sandbox.url + path, headers=BEARER, timeout=5)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allow)
    assert answer.json()["message"]
