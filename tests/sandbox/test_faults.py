"""The sandbox fails on demand: refusals, slow, empty and lost answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.callbacks import BEARER, KEY, create
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def get(sandbox: Sandbox) -> requests.Response:
    return requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=5)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 503])
def test_a_refusal_does_nothing_and_ends(sandbox: Sandbox, status: int) -> None:
    sandbox.fail(status=status, next=2)
    refused = [create(sandbox), create(sandbox)]
    assert [answer.status_code for answer in refused] == [status, status]
    assert sorted(refused[0].json()) == ["code", "message"]
    assert sandbox.subscriptions == []
    assert create(sandbox).status_code == 201
    assert [request.status for request in sandbox.requests] == [status, status, 201]


def test_a_fault_is_for_one_kind_of_call(sandbox: Sandbox) -> None:
    sandbox.fail(method="POST", status=503)
    sandbox.fail(status=409)
    assert get(sandbox).status_code == 409
    assert get(sandbox).status_code == 200
    assert create(sandbox).status_code == 503
    assert create(sandbox).status_code == 201


def test_an_empty_answer_follows_what_was_done(sandbox: Sandbox) -> None:
    sandbox.fail(method="POST", empty=True)
    answer = create(sandbox)
    assert (answer.status_code, answer.content, len(sandbox.subscriptions)) == (201, b"", 1)


def test_a_refusal_may_be_empty_too(sandbox: Sandbox) -> None:
    sandbox.fail(status=404, empty=True)
    answer = create(sandbox)
    assert (answer.status_code, answer.content, sandbox.subscriptions) == (404, b"", [])


def test_a_slow_answer_follows_what_was_done(sandbox: Sandbox) -> None:
    sandbox.fail(delay=0.2)
    started = time.monotonic()
    assert create(sandbox).status_code == 201
    assert time.monotonic() - started >= 0.2


def test_a_lost_answer_follows_what_was_done(sandbox: Sandbox) -> None:
    sandbox.fail(method="POST", hang_up=True)
    with pytest.raises(requests.ConnectionError):
        create(sandbox)
    assert len(sandbox.subscriptions) == 1


def test_a_key_without_the_scope_is_told_which(sandbox: Sandbox) -> None:
    sandbox.fail(status=403, next=2)
    prospects = requests.get(f"{sandbox.api_url}/prospects", params={"api-key": KEY}, timeout=5)
    assert ["prospects:read" in answer.json()["message"] for answer in (prospects, get(sandbox))] == [True, False]


def test_an_answer_may_be_a_page(sandbox: Sandbox) -> None:
    sandbox.fail(html=True)
    sandbox.fail(html=True, status=503)
    answers = [get(sandbox), get(sandbox)]
    assert [answer.status_code for answer in answers] == [200, 503]
    assert [answer.headers["Content-Type"] for answer in answers] == ["text/html"] * 2
    assert all(answer.text.startswith("<!doctype html>") for answer in answers)


def test_a_fault_is_for_one_path_and_may_come_later(sandbox: Sandbox) -> None:
    sandbox.fail(path="/prospects", status=429, skip=2)
    sandbox.fail(path="/prospects", status=503)

    def prospects() -> int:
        return requests.get(f"{sandbox.api_url}/prospects", params={"api-key": KEY}, timeout=5).status_code

    assert str(sandbox.faults[0]) == "1 API call to /prospects after 2 more: 429"
    assert get(sandbox).status_code == 200
    assert [prospects() for _ in range(5)] == [200, 200, 429, 503, 200]


def test_a_server_that_hangs_goes_on_when_it_heals(sandbox: Sandbox) -> None:
    sandbox.fail(delay=600)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=0.1)
    sandbox.fail(delay=600)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(get, sandbox)
        while sandbox.faults:
            time.sleep(0.001)
        sandbox.heal()
        assert answer.result(5).status_code == 200


def test_faults_are_forgotten_when_it_heals(sandbox: Sandbox) -> None:
    sandbox.fail(status=503, next=9)
    sandbox.fail(delay=0.5, hang_up=True)
    assert [str(fault) for fault in sandbox.faults] == ["9 API calls: 503", "1 API call: no answer, after 0.5 s"]
    sandbox.heal()
    assert (get(sandbox).status_code, sandbox.faults) == (200, [])


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"next": 0, "status": 503},
        {"delay": -1},
        {"status": 200},
        {"status": 99},
        {"method": "GET"},
        {"path": "/prospects", "skip": 1},
        {"skip": -1, "status": 503},
    ],
)
def test_what_is_no_fault_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"'next'|'status'|Say what"):
        sandbox.fail(**fault)
    assert sandbox.faults == []
