"""Answers that are meant to do harm: large ones that are small on the wire, and names that no terminal should see."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import Any

import pytest

from tests.support.calls import CALLS, IDS, ClientCall, error_of
from tests.support.wire import Wire, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.calls import MAX_ANSWER_BYTES

UNPACKED = 64 * 1024 * 1024
ODD = "lead.\x1b[2Jcreated\r\n\u202e\u200b"
CLEANED = "lead.\ufffd[2Jcreated\ufffd\ufffd\ufffd\ufffd"


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_no_compressed_answer_is_asked_for(wire: Wire, account: dict[str, Any], call: ClientCall) -> None:
    account["CONTRACT"] = call.contract
    wire.script(call.method, says(500))
    error_of(call.make)
    [asked] = wire.asked
    assert asked.headers["Accept-Encoding"] == "identity"


def test_one_that_comes_all_the_same_is_not_unpacked_further_than_it_is_read(wire: Wire) -> None:
    wire.script("GET", says(200, gzip.compress(b" " * UNPACKED), content_encoding="gzip"))
    tracemalloc.start()
    try:
        error = error_of(lambda: ZenviaClient().list_subscriptions())
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert f"more than {MAX_ANSWER_BYTES} bytes" in str(error)
    assert peak < UNPACKED / 4


def test_topics_of_a_list_are_cleaned(wire: Wire, account: dict[str, Any]) -> None:
    url = "https://another.example.com/"
    wire.script("GET", says(200, [{"id": "1", "topic": ODD, "callbackUrl": url}]))
    [listed] = ZenviaClient().list_subscriptions()
    assert listed.topics == (CLEANED,)

    account["CONTRACT"] = "conversion"
    wire.script("GET", says(200, [{"id": "1", "topics": [ODD], "callbackUrl": url}]))
    [listed] = ZenviaClient().list_subscriptions()
    assert listed.topics == (f"{CLEANED}.created",)
    wire.script("GET", says(200, [{"name": ODD}]))
    assert ZenviaClient().list_topics() == [f"{CLEANED}.created"]
