"""The API key shows up nowhere: no log, no error, no `repr()`, no redirect; with either contract."""

from __future__ import annotations

import contextlib
import http.client
import logging
from dataclasses import replace
from typing import Any

import pytest

from tests.support.account import KEY
from tests.support.calls import CALLS, IDS, OURS, URL, ClientCall, error_of, everything_shown
from tests.support.wire import Wire, hangs_up, says
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaConnectionError, ZenviaError

# Logs, at their most talkative

ODD_HEADER = b"HTTP/1.1 200 OK\r\nno header\r\nX-Odd: 1\r\nContent-Length: 2\r\n\r\n[]"


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_no_log_at_debug_holds_the_key(
    wire: Wire, account: dict[str, Any], caplog: pytest.LogCaptureFixture, call: ClientCall
) -> None:
    account["CONTRACT"] = call.contract
    caplog.set_level(logging.DEBUG)
    answers = (says(200, [OURS[call.contract]]), says(401, "no"), hangs_up, lambda _asked: [ODD_HEADER])
    wire.script(call.method, *answers)

    for _answer in answers:
        with contextlib.suppress(ZenviaError):
            call.make()

    assert len(wire.asked) == len(answers)
    assert all(KEY in asked.path + asked.headers.get("Authorization", "") for asked in wire.asked)
    said = "".join(record.getMessage() + repr(record.args) + str(record.exc_text) for record in caplog.records)
    assert "Failed to parse headers" in said  # so urllib3 was heard, and named the whole URL
    assert "/v1/" in said
    assert KEY not in said + caplog.text


def test_the_key_in_the_query_is_told_to_the_wire_alone(
    wire: Wire, account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    account["CONTRACT"] = "conversion"
    wire.script("GET", says(200, []))
    seen: list[str] = []
    original = http.client.HTTPConnection.putrequest

    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        # What tracing and error trackers hook into.
        seen.append(url)
        original(self, method, url, *args, **kwargs)

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", putrequest)

    ZenviaClient().list_subscriptions()

    assert seen == ["/v1/notifications/subscriptions"]
    assert wire.asked[0].path == f"/v1/notifications/subscriptions?api-key={KEY}"


def test_a_key_of_odd_characters_arrives_whole(wire: Wire, account: dict[str, Any]) -> None:
    account |= {"CONTRACT": "conversion", "API_KEY": "k/e+y&=%?#end"}
    wire.script("GET", says(200, []))

    ZenviaClient().list_subscriptions()

    assert wire.asked[0].path == "/v1/notifications/subscriptions?api-key=k%2Fe%2By%26%3D%25%3F%23end"


def test_the_key_in_the_query_reaches_zenvia_through_a_proxy(
    account: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    caplog.set_level(logging.DEBUG)
    account["CONTRACT"] = "conversion"
    client = ZenviaClient()
    with Wire() as proxy:
        proxy.script("GET", says(200, []))
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        # Past the check of the settings, which allow http:// to this machine alone.
        monkeypatch.setattr(client, "account", replace(client.account, api_url="http://conversion.example/v1"))

        assert client.list_subscriptions() == []
        assert [asked.path for asked in proxy.asked] == [
            f"http://conversion.example/v1/notifications/subscriptions?api-key={KEY}"
        ]
    assert KEY not in caplog.text


# Keys that are none, and answers that echo one


@pytest.mark.parametrize("key", ["first\nsecond", "first second", "chave-é", "\x00", 12345, ["first"]])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(account: dict[str, Any], key: object) -> None:
    account["API_KEY"] = key

    with pytest.raises(ZenviaConfigurationError) as caught:
        ZenviaClient()

    assert "['API_KEY'] must be a string of printable ASCII characters" in str(caught.value)
    shown = repr(caught.value) + str(caught.value)
    assert all(part not in shown for part in ("first", "second", "chave", "12345"))


def test_a_key_read_from_a_file_loses_its_newline(wire: Wire, account: dict[str, Any]) -> None:
    account["API_KEY"] = f"{KEY}\r\n"

    wire.script("GET", says(200, []))
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

    assert str(error_of(CALLS[0].make)).endswith("401: *** | *** | *** | *** | ***")


def test_a_callback_urls_token_is_cut_down_where_a_server_echoes_it(wire: Wire) -> None:
    wire.script("POST", says(400, {"message": f"{'x' * 110} {URL} can't be reached"}))

    error = str(error_of(CALLS[1].make))

    assert "https://crm.example.com/zenvia/webhook/012345…/ can't be reached" in error


@pytest.mark.usefixtures("account")
def test_no_repr_shows_the_key() -> None:
    client = ZenviaClient()

    assert repr(client) == "ZenviaClient('default')"
    assert "alias='default'" in repr(client.account)
    credentials = client.contract.credentials(KEY)
    assert credentials.headers == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(client.account) + repr(credentials) + repr(get_contract("conversion").credentials(KEY))
