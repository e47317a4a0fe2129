"""What `ZENVIA_WEBHOOKS` lacks, or has wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own names
from django.utils.translation import gettext as _

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
        return [Error(str(error), hint=_("See the settings in the README."), id="zenvia_webhooks.E001")]
    found: list[CheckMessage] = [
        Error(line, hint=_("Remove it, or correct its name."), id="zenvia_webhooks.E002") for line in unknown
    ]
    for name in KEYS.values():
        try:
            getattr(conf, name)
        except ZenviaConfigurationError as error:
            found.append(Error(str(error), hint=_("See the settings in the README."), id="zenvia_webhooks.E003"))
    return found


def check_account(**kwargs: Any) -> list[CheckMessage]:
    """Report that no account, or no key, is there yet, and an address that is there no more."""
    accounts = read("accounts") or {}
    if not accounts and not is_broken("accounts"):
        return [
            Warning(
                _("ZENVIA_WEBHOOKS['ACCOUNTS'] has no account: nothing can be registered at Zenvia."),
                hint=_("Add 'ACCOUNTS': {'default': {'API_KEY': ...}}; Zenvia shows you the key."),
                id="zenvia_webhooks.W001",
            )
        ]
    found: list[CheckMessage] = []
    for alias, account in accounts.items():
        where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
        if account.api_key is None:
            found.append(
                Warning(
                    _("The account %(alias)r has no API_KEY: nothing can be registered at Zenvia.") % {"alias": alias},
                    hint=_("Set %(setting)s, from the environment for example.") % {"setting": f"{where}['API_KEY']"},
                    id="zenvia_webhooks.W002",
                )
            )
        if current := current_address(urlsplit(account.api_url).hostname or ""):
            found.append(
                Warning(
                    _("%(setting)s is an address of former days, which no longer exists.")
                    % {"setting": f"{where}['API_URL']"},
                    hint=_("Set it to %(address)r, with 'CONTRACT': 'conversion'.") % {"address": current},
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
            _(
                "ZENVIA_WEBHOOKS['LEASE_SECONDS'] is %(lease)s: a receiver is interrupted after %(interrupted)s s, "
                "and after %(starting)s s a worker starts nothing more."
            )
            % {
                "lease": f"{lease:g}",
                "interrupted": f"{SOFT_PART * lease:.2g}",
                "starting": f"{STARTING_PART * lease:.2g}",
            },
            hint=_("Set it to twice what your slowest receiver takes, and to no less than %(least)d; 300 is usual.")
            % {"least": SHORT_LEASE},
            id="zenvia_webhooks.W011",
        )
    ]
