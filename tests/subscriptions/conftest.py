"""A Zenvia of the tests' own: the sandbox, or a server that answers as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.commands import KEY
from tests.support.wire import Wire, says
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture
def account(settings: Any) -> dict[str, Any]:
    """Return the settings of the default account, to be changed at will."""
    account: dict[str, Any] = {"API_KEY": KEY, "TIMEOUT": 20}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": "https://crm.example.com"}
    return account


@pytest.fixture
def wire(wire: Wire) -> Wire:
    """A scriptable Zenvia that lists nothing until it is told what."""
    wire.script("GET", says(200, []))
    return wire


@pytest.fixture
def sandbox(account: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        account["API_URL"] = running.api_url
        yield running
