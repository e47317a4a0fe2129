"""A host's settings, over the database that DATABASE_URL names. Nobody answers at Zenvia's address nor at ours."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.support.account import make_account

_NOWHERE = "http://127.0.0.1:9"
ZENVIA_WEBHOOKS = {
    "ACCOUNTS": {name: make_account(API_URL=f"{_NOWHERE}/v1") for name in ("default", "second")},
    "CALLBACK_BASE_URL": _NOWHERE,
}
