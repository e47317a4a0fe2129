"""What Zenvia lists under an account's key, and whose each subscription in it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import router

from zenvia_webhooks.callback import callback_url, is_here
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.client.api import find
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import is_same_url
from zenvia_webhooks.redaction import TOKEN

Status = Subscription.Status

#: Answers to a key that an API does not take: under it, nothing of ours can be seen there.
REFUSED = (401, 403, 404)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What Zenvia lists under an account's key, by contract: the account's own, and those that rows were made with."""

    account: Account
    remotes: Mapping[str, Sequence[RemoteSubscription]]
    #: Why the API of a former contract could not be asked.
    errors: Mapping[str, ZenviaAPIError] = field(default_factory=dict)

    def contract_of(self, row: Subscription) -> str:
        return row.contract or self.account.contract

    def all(self) -> Iterator[tuple[str, RemoteSubscription]]:
        """Yield each subscription, with the contract that it is under."""
        return ((contract, remote) for contract, remotes in self.remotes.items() for remote in remotes)

    def beside(self, row: Subscription) -> Sequence[RemoteSubscription]:
        """Return all that is listed under a row's contract, whoever has it."""
        return self.remotes.get(self.contract_of(row), ())

    def of(self, row: Subscription) -> list[RemoteSubscription]:
        """Return what calls one of a row's URLs, of today or from before a change."""
        return [remote for remote in self.beside(row) if is_of(row, remote)]

    def match(self, row: Subscription) -> RemoteSubscription | None:
        """Return what a row stands for: same URL, same topics; of several the one whose id it has."""
        its_id_first = sorted(self.beside(row), key=lambda remote: remote.id != row.remote_id)
        contract = self.contract_of(row)
        return find(its_id_first, row.topics, row.registered_url, lambda topic: self.wire(topic, contract))

    def wire(self, topic: str, contract: str = "") -> str:
        """Return what Zenvia calls a canonical topic."""
        contract = contract or self.account.contract
        own = self.account.wire_topics if contract == self.account.contract else {}
        return get_contract(contract).wire_topic(topic, own)


@dataclass(frozen=True, kw_only=True)
class CutOff:
    """What a registration would end at Zenvia."""

    #: Somebody else's: never without being told to.
    foreign: tuple[RemoteSubscription, ...] = ()
    #: Another row of this site's: never.
    ours: Subscription | None = None


#: What most registrations end.
NOTHING = CutOff()


def all_rows() -> list[Subscription]:
    """Return our rows, of all accounts, as the database has them that is written to: they decide about calls."""
    return list(Subscription.objects.using(router.db_for_write(Subscription)).order_by("pk"))


def ask(account: str) -> Listed:
    """Ask Zenvia what it lists: by the account's contract, and by those that its rows were registered with.

    Raises ZenviaError and ZenviaConfigurationError.
    """
    own = conf.account(account)
    former = {row.contract for row in all_rows() if row.account == account and row.contract and _may_be_there(row)}
    remotes, errors = {own.contract: ZenviaClient(account).list_subscriptions()}, {}
    for contract in sorted(former - {own.contract}):
        try:
            remotes[contract] = ZenviaClient(account, contract=contract).list_subscriptions()
        except ZenviaAPIError as error:
            if error.status not in REFUSED:
                raise
            errors[contract] = error
    return Listed(account=own, remotes=remotes, errors=errors)


def client_of(row: Subscription) -> ZenviaClient:
    """Return Zenvia's API as a row is registered with it. Raises ZenviaConfigurationError."""
    return ZenviaClient(row.account, contract=row.contract or None)


def next_contract(row: Subscription) -> str:
    """Return which API a row's next registration is for: its own while it may be there, else the account's."""
    return (row.contract if _may_be_there(row) and not row.is_gone else "") or conf.account(row.account).contract


def token_of(url: str) -> str | None:
    """Return the token of a callback URL of this site; None for any other URL."""
    found = TOKEN.search(url)
    try:
        return found[0] if found and is_same_url(url, callback_url(found[0])) else None
    except ZenviaConfigurationError:
        return None


def owner(remote: RemoteSubscription, rows: Sequence[Subscription]) -> Subscription | None:
    """Return the row, of whatever account, that a subscription at Zenvia belongs to by its URL."""
    token = token_of(remote.callback_url)
    return next((row for row in rows if token and token in (row.token, row.previous_token)), None)


def is_of(row: Subscription, remote: RemoteSubscription) -> bool:
    """Tell whether a subscription at Zenvia calls one of a row's URLs, of today or from before a change."""
    urls = [row.registered_url, row.previous_url]
    if row.previous_token is not None:
        urls.append(row.registered_url.replace(row.token, row.previous_token))
    return any(url and is_same_url(remote.callback_url, url) for url in urls)


def foreign_of(row: Subscription) -> RemoteSubscription | None:
    """Return what a row that is foreign, or was until its change began, stands for at Zenvia; None for any other."""
    if row.is_changing and not is_here(row.previous_url):
        topics, url = row.previous_topics, row.previous_url
    elif row.is_foreign and not row.is_gone:
        topics, url = row.topics, row.registered_url
    else:
        return None
    return RemoteSubscription(id=row.remote_id or f"#{row.pk}", topics=tuple(topics or ()), callback_url=url)


def cut_off_by(row: Subscription, contract: str, listed: Listed, rows: Sequence[Subscription]) -> CutOff:
    """Return whom a registration of this row, with this contract, would cut off.

    All of them, as whoever agrees agrees to no more. What a foreign row stands for counts, listed or not.
    """
    foreign = []
    for remote in listed.remotes.get(contract, ()) if get_contract(contract).REPLACES else ():
        other = owner(remote, rows)
        if other is not None and other.pk != row.pk and other.status != Status.INACTIVE:
            return CutOff(ours=other)
        if other is None and not (is_of(row, remote) and is_here(remote.callback_url)):
            foreign.append(remote)
    own = foreign_of(row)
    if own is not None and not any(is_of(row, remote) for remote in foreign):
        foreign.append(own)
    return CutOff(foreign=tuple(foreign))


def _may_be_there(row: Subscription) -> bool:
    return row.is_ending or row.status not in (Status.INACTIVE, Status.FAILED)
