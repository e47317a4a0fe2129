"""Whether each account's API key works, and with which contract."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from zenvia_webhooks.client.api import ZenviaClient, contract_that_answers
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.diagnosis.findings import Area, Finding, broken, ok, skipped
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaError

AREA = Area.KEY
#: What Zenvia answers to a key that it does not take, and one of the APIs to every call that it does not know.
REFUSED = (401, 403, 404)


def check_keys() -> Iterator[Finding]:
    """Ask Zenvia under each account's key; where it refuses, ask by the other contract, too."""
    accounts = [account for account in conf.accounts.values() if account.api_key is not None]
    if not accounts:
        yield skipped(AREA, _("There is no key to try."))
    for account in accounts:
        yield _try(account)


def _try(account: Account) -> Finding:
    names = {"account": account.alias, "contract": account.contract}
    try:
        ZenviaClient(account.alias).list_subscriptions()
    except ZenviaAPIError as error:
        if (other := contract_that_answers(account.alias)) is not None:
            return broken(
                AREA,
                "wrong-contract",
                _("The key of %(account)r works with %(other)s, not with %(contract)s.") % {**names, "other": other},
                _("Set ZENVIA_WEBHOOKS['ACCOUNTS'][%(account)r]['CONTRACT'] = %(other)r.") % {**names, "other": other},
            )
        if error.status not in REFUSED:
            return _unknown(account, error)
        return broken(
            AREA,
            "wrong-key",
            _("The key of %(account)r works with no contract. Zenvia's answer by %(contract)s: %(error)s")
            % {**names, "error": error},
            _("Create a new key at Zenvia, with access to Notifications, and set it as API_KEY."),
        )
    except ZenviaError as error:
        return _unknown(account, error)
    return ok(AREA, _("The key of %(account)r works with %(contract)s.") % names)


def _unknown(account: Account, error: ZenviaError) -> Finding:
    return broken(
        AREA,
        "no-zenvia",
        _("Zenvia can't be asked about %(account)r: %(error)s") % {"account": account.alias, "error": error},
        _(
            "See that this machine reaches the address in API_URL, and that it is Zenvia's. "
            "If it is, wait until Zenvia is back."
        ),
    )
