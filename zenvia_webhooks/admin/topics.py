"""Which topics there are to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypedDict

from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import Account
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError


class Offer(TypedDict):
    """What an account may choose from. JSON, as forms carry it along."""

    topics: list[str]
    #: Why Zenvia could not be asked; then `topics` are those that are published.
    error: str


def ask(accounts: Iterable[Account]) -> dict[str, Offer]:
    """Return alias → what Zenvia offers. Takes the longest `TIMEOUT` at most; raises nothing of Zenvia's."""
    accounts = list(accounts)
    # All at once: several that don't answer take no longer than one.
    with ThreadPoolExecutor(max(1, len(accounts))) as at_once:
        offers = at_once.map(_ask, accounts)
        return {account.alias: offer for account, offer in zip(accounts, offers, strict=True)}


def published(account: Account) -> list[str]:
    """Return the topics that Zenvia is known to have."""
    return list(get_contract(account.contract).TOPICS)


def explain(offer: Offer) -> str:
    """Return, for people, why an offer may not be all that there is; empty where it is."""
    if not offer["error"]:
        return ""
    return _("Zenvia did not say which topics it has, so these are the ones that we know of: %(error)s") % offer


def _ask(account: Account) -> Offer:
    try:
        topics = ZenviaClient(account.alias).list_topics()
    except (ZenviaError, ZenviaConfigurationError) as error:
        return Offer(topics=published(account), error=str(error))
    return Offer(topics=topics or published(account), error="")
