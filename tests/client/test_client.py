"""Which account, contract and address `ZenviaClient` talks to; its calls: see test_client_help_center.py and others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.account import KEY
from tests.support.calls import URL
from tests.support.wire import Wire, says
from zenvia_webhooks.client.api import ZenviaClient, contract_that_answers, find
from zenvia_webhooks.contracts import CONTRACTS
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaConfigurationError

# The settings


@pytest.mark.parametrize("key", [None, ""])
def test_an_account_without_a_key_is_named(account: dict[str, Any], key: str | None) -> None:
    account["API_KEY"] = key

    with pytest.raises(ZenviaConfigurationError, match=r"\['default'\] has no API_KEY"):
        ZenviaClient()


@pytest.mark.usefixtures("account")
def test_an_account_that_is_not_there_is_named() -> None:
    with pytest.raises(ZenviaConfigurationError, match=r"no account 'nope' \(it has: 'default'\)"):
        ZenviaClient("nope")


# Another contract than the account's


@pytest.mark.parametrize(("own", "other"), [("help_center", "conversion"), ("conversion", "help_center")])
def test_another_contract_has_its_own_address_and_topics(account: dict[str, Any], own: str, other: str) -> None:
    account |= {"CONTRACT": own, "WIRE_TOPICS": {"quote.updated": "q"}}

    assert ZenviaClient().account.api_url == CONTRACTS[own].API_URL
    assert ZenviaClient().wire_topic("quote.updated") == "q"
    assert ZenviaClient(contract=other).account.api_url == CONTRACTS[other].API_URL
    assert ZenviaClient(contract=other).wire_topic("quote.updated") == CONTRACTS[other].TOPICS["quote.updated"]
    assert ZenviaClient(contract=own).account == ZenviaClient().account
    account["API_URL"] = "https://zenvia.example.com/v1"
    assert ZenviaClient(contract=other).account.api_url == "https://zenvia.example.com/v1"
    with pytest.raises(KeyError):
        ZenviaClient(contract="third")


@pytest.mark.parametrize(("own", "other"), [("help_center", "conversion"), ("conversion", "help_center")])
def test_the_contract_that_answers_is_found(wire: Wire, account: dict[str, Any], own: str, other: str) -> None:
    account["CONTRACT"] = own
    wire.script("GET", says(200, [] if other == "help_center" else b""))
    assert contract_that_answers("default") == other
    assert [asked.path for asked in wire.asked] == [
        "/v1/subscriptions" if other == "help_center" else f"/v1/checkCredentials?api-key={KEY}"
    ]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_no_contract_answers(wire: Wire, status: int) -> None:
    wire.script("GET", says(status))
    assert contract_that_answers("default") is None


def test_no_contract_answers_without_a_key_or_an_account(account: dict[str, Any]) -> None:
    account["API_KEY"] = ""
    assert contract_that_answers("default") is None
    assert contract_that_answers("nope") is None


# Finding a subscription


def test_topics_are_compared_as_zenvia_names_them(account: dict[str, Any]) -> None:
    listed = [RemoteSubscription(id="1", topics=("lead.created",), callback_url=URL)]
    exactly = ZenviaClient().wire_topic
    assert find(listed, ["lead.created"], URL.upper().replace("HTTPS", "https"), exactly) is None
    assert find(listed, ["lead.created"], URL, exactly) == listed[0]
    assert find(listed, ["lead.updated"], URL, exactly) is None
    account["CONTRACT"] = "conversion"
    by_resource = ZenviaClient().wire_topic
    assert find(listed, ["lead.updated"], URL, by_resource) == listed[0]
    assert find(listed, ["lead.updated", "quote.updated"], URL, by_resource) is None


# The surroundings


def test_a_netrc_file_does_not_take_the_keys_place(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))

    wire.script("GET", says(200, []))
    ZenviaClient().list_subscriptions()

    assert wire.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_this_machines_own_address_is_not_called_through_a_proxy(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    wire.script("GET", says(200, []))
    with Wire() as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")

        assert ZenviaClient().list_subscriptions() == []
        assert proxy.asked == []
