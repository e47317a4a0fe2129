"""The sandbox speaks the contract `conversion`: DESIGN 1.2, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.callbacks import BEARER, KEY, Webhook, create
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def ask(sandbox: Sandbox, method: str, path: str, json: Any = None, key: str = KEY) -> requests.Response:
    return requests.request(method, f"{sandbox.api_url}{path}", params={"api-key": key}, json=json, timeout=5)


def register(sandbox: Sandbox, **changes: Any) -> requests.Response:
    body = {"topics": ["prospects", "quotes"], "callbackUrl": "https://crm.example.com/hook/", **changes}
    return ask(sandbox, "POST", "/notifications/subscriptions", body)


ROW = {"topics": ["prospects", "quotes"], "callbackUrl": "https://crm.example.com/hook/"}


def test_a_subscription_is_created_listed_read_and_deleted(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/notifications/subscriptions").json() == []
    created = register(sandbox)
    row = created.json()
    assert (created.status_code, row) == (201, {"id": row["id"], **ROW})
    assert re.fullmatch(r"[0-9a-f]{24}", row["id"])
    assert ask(sandbox, "GET", "/notifications/subscriptions").json() == [row]
    one = f"/notifications/subscription/{row['id']}"
    assert ask(sandbox, "GET", one).json() == row
    deleted = ask(sandbox, "DELETE", one)
    assert (deleted.status_code, deleted.json()) == (200, row)
    again = ask(sandbox, "DELETE", one)
    assert (again.status_code, again.content) == (404, b"")
    assert sandbox.subscriptions == []


def test_there_is_one_subscription_and_the_other_api_has_its_own(sandbox: Sandbox) -> None:
    create(sandbox)
    previous = register(sandbox).json()["id"]
    latest = register(sandbox, topics=["agents"]).json()["id"]
    assert previous < latest
    assert [(one.id, one.contract) for one in sandbox.subscriptions] == [
        ("subscription1", "help_center"),
        (latest, "conversion"),
    ]
    assert ask(sandbox, "DELETE", "/notifications/subscription/subscription1").status_code == 404
    assert requests.delete(f"{sandbox.api_url}/subscriptions/{latest}", headers=BEARER, timeout=5).status_code == 404
    listed = requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=5).json()
    assert [row["id"] for row in listed] == ["subscription1"]


def test_all_are_removed_at_once(sandbox: Sandbox) -> None:
    create(sandbox)
    register(sandbox)
    gone = ask(sandbox, "DELETE", "/notifications/subscriptions")
    assert (gone.status_code, gone.json()) == (200, {"modified": 1})
    assert [one.contract for one in sandbox.subscriptions] == ["help_center"]


def test_topics_and_key(sandbox: Sandbox) -> None:
    topics = ask(sandbox, "GET", "/notifications/topics").json()
    assert [sorted(topic) for topic in topics] == [["description", "name"]] * 4
    assert [topic["name"] for topic in topics] == ["prospects", "interactions", "quotes", "agents"]
    checked = ask(sandbox, "GET", "/checkCredentials")
    assert (checked.status_code, checked.content) == (200, b"")


@pytest.mark.parametrize("path", ["/checkCredentials", "/notifications/topics", "/notifications/subscriptions"])
def test_a_wrong_key_is_answered_401(sandbox: Sandbox, path: str) -> None:
    for key in ("wrong", "", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        answer = ask(sandbox, "GET", path, key=key)
        assert (answer.status_code, sorted(answer.json())) == (401, ["code", "message"])
    # Nor does the other API's way count.
    assert requests.get(f"{sandbox.api_url}{path}", headers=BEARER, timeout=5).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"topics": []},
        {"topics": "prospects"},
        {"topics": [5]},
        {"topics": ["\ud800"]},
        {"callbackUrl": None},
        {"callbackUrl": "crm.example.com"},
    ],
)
def test_a_body_that_cannot_be_used_is_answered_400(sandbox: Sandbox, change: dict[str, Any]) -> None:
    answer = register(sandbox, **change)
    assert (answer.status_code, sorted(answer.json())) == (400, ["code", "message"])
    assert sandbox.subscriptions == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/checkCredentials", 405),
        ("POST", "/notifications/topics", 405),
        ("PUT", "/notifications/subscriptions", 405),
        ("GET", "/notifications/subscriptions/subscription1", 404),
        ("GET", "/notifications/nothing", 404),
    ],
)
def test_unknown_paths_and_methods(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    assert ask(sandbox, method, path).status_code == status


def test_the_key_is_not_reported(webhook: Webhook) -> None:
    lines: list[str] = []
    with Sandbox(api_key=KEY, report=lines.append) as sandbox:
        register(sandbox)
    assert lines == ["POST /v1/notifications/subscriptions answered 201"]
