"""The account of the tests: no Django here, as the settings read it, too."""

from __future__ import annotations

from typing import Any

KEY = "key-of-the-tests"
CALLBACK_BASE_URL = "https://crm.example.com"


def make_account(**changes: Any) -> dict[str, Any]:
    """Return the settings of an account. Nobody waits as long as `TIMEOUT`: a busy machine may."""
    return {"API_KEY": KEY, "TIMEOUT": 20, **changes}


def make_settings(**accounts: dict[str, Any]) -> dict[str, Any]:
    """Return `ZENVIA_WEBHOOKS` with these accounts; with the default one where none is given."""
    return {"ACCOUNTS": accounts or {"default": make_account()}, "CALLBACK_BASE_URL": CALLBACK_BASE_URL}
