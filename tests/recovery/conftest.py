from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import recovering
from zenvia_webhooks.recovery import calls
from zenvia_webhooks.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAUSE", 0.0)
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)


@pytest.fixture(autouse=True)
def _see_nothing_yet() -> None:
    recovering.seen.clear()


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    """The stand-in Zenvia that the default account talks to, which has RECOVER."""
    with Sandbox(api_key=recovering.KEY) as sandbox:
        account = {
            "API_KEY": recovering.KEY,
            "API_URL": sandbox.api_url,
            "CONTRACT": "conversion",
            "RECOVER": True,
            "TIMEOUT": 5,
        }
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}
        yield sandbox
