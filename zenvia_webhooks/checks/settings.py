"""What `ZENVIA_WEBHOOKS` lacks, or has wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own names

from zenvia_webhooks.checks.reading import is_broken, read
from zenvia_webhooks.conf import KEYS, conf
from zenvia_webhooks.contracts import current_address
from zenvia_webhooks.dispatch.lease import SOFT_PART, STARTING_PART
from zenvia_webhooks.exceptions import ZenviaConfigurationError

#: Seconds below which a lease is too short to work under.
SHORT_LEASE = 10


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Report keys that nobody reads and values of a wrong kind."""
    try:
        unknown = conf.unknown_keys()
    except ZenviaConfigurationError as error:
        return [Error(str(error), hint="See the settings in the README.", id="zenvia_webhooks.E001")]
    found: list[CheckMessage] = [
        Error(line, hint="Remove it, or correct its name.", id="zenvia_webhooks.E002") for line in unknown
    ]
    for name in KEYS.values():
        try:
            getattr(conf, name)
        except ZenviaConfigurationError as error:
            found.append(Error(str(error), hint="See the settings in the README.", id="zenvia_webhooks.E003"))
    return found


def check_account(**kwargs: Any) -> list[CheckMessage]:
    """Report that no account, or no key, is there yet, and an address that is there no more."""
    accounts = read("accounts") or {}
    if not accounts and not is_broken("accounts"):
        return [
            Warning(
                "ZENVIA_WEBHOOKS['ACCOUNTS'] has no account: nothing can be registered at Zenvia.",
                hint="Add 'ACCOUNTS': {'default': {'API_KEY': ...}}; Zenvia shows you the key.",
                id="zenvia_webhooks.W001",
            )
        ]
    found: list[CheckMessage] = []
    for alias, account in accounts.items():
        where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
        if account.api_key is None:
            found.append(
                Warning(
                    f"The account {alias!r} has no API_KEY: nothing can be registered at Zenvia.",
                    hint=f"Set {where}['API_KEY'], from the environment for example.",
                    id="zenvia_webhooks.W002",
                )
            )
        if current := current_address(urlsplit(account.api_url).hostname or ""):
            found.append(
                Warning(
                    f"{where}['API_URL'] is an address of former days, which no longer exists.",
                    hint=f"Set it to {current!r}, with 'CONTRACT': 'conversion'.",
                    id="zenvia_webhooks.W016",
                )
            )
    return found


def check_lease(**kwargs: Any) -> list[CheckMessage]:
    """Report a lease that leaves receivers next to no time."""
    lease = read("lease_seconds")
    if lease is None or lease >= SHORT_LEASE:
        return []
    return [
        Warning(
            f"ZENVIA_WEBHOOKS['LEASE_SECONDS'] is {lease:g}: a receiver is interrupted after "
            f"{SOFT_PART * lease:.2g} s, and after {STARTING_PART * lease:.2g} s a worker starts nothing more.",
            hint=f"Set it to twice what your slowest receiver takes, and to no less than {SHORT_LEASE}; 300 is usual.",
            id="zenvia_webhooks.W011",
        )
    ]
