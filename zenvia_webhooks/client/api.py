"""Zenvia's API: what can be asked of it, and what its answers mean. `transport` carries the calls."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.client.transport import Answer, exchange
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import CONTRACTS, get_contract
from zenvia_webhooks.contracts.base import Call, RemoteSubscription
from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaConnectionError, ZenviaError
from zenvia_webhooks.origins import host_of, is_same_url
from zenvia_webhooks.redaction import clean, excerpt

T = TypeVar("T")

#: The longest id of Zenvia's that is kept.
MAX_ID_LENGTH = 255
ANOTHER = _("another subscription than the one asked for")


class ZenviaClient:
    """Zenvia's API for one account of `ZENVIA_WEBHOOKS["ACCOUNTS"]`.

    Every method raises ZenviaConnectionError if no whole answer came (its outcome is unknown), and ZenviaAPIError for
    an answer that is an error or can't be read. No call is ever repeated.
    """

    def __init__(self, account: str = "default", *, contract: str | None = None) -> None:
        """Speak the account's contract, or the one that is named, with the account's key.

        Raise ZenviaConfigurationError if the account is not there or has no API key, KeyError for a contract that is
        none.
        """
        self.account = _speaking(conf.account(account), contract)
        self.contract = get_contract(self.account.contract)
        if self.account.api_key is None:
            raise ZenviaConfigurationError(
                format_lazy(
                    _("ZENVIA_WEBHOOKS['ACCOUNTS'][{account!r}] has no API_KEY: create one at Zenvia and set it."),
                    account=account,
                )
            )
        self._api_key: str = self.account.api_key

    def __repr__(self) -> str:
        return f"ZenviaClient({self.account.alias!r})"

    def wire_topic(self, topic: str) -> str:
        """Return what Zenvia calls a canonical topic: two that share one are the same to subscribe to."""
        return self.contract.wire_topic(topic, self.account.wire_topics)

    def list_subscriptions(self) -> list[RemoteSubscription]:
        """Return what is registered under the API key, whoever registered it."""
        answer = self._request(self.contract.list_call())
        return self._read(
            answer, lambda reply: [_checked(row) for row in self.contract.read_list(reply, self.account.wire_topics)]
        )

    def create_subscription(self, topics: Sequence[str], callback_url: str) -> RemoteSubscription:
        """Register a callback URL for canonical topics.

        If the contract's `REPLACES` is True, this makes Zenvia deactivate every other subscription: look at the list
        first. If the answer is empty, what Zenvia then lists under this URL is returned.
        Raises ValueError for a number of topics that the contract does not allow.
        """
        call = self.contract.create_call(topics, callback_url, self.account.wire_topics)
        answer = self._request(call)
        if not answer.body.strip():
            return self._find_created(answer, topics, callback_url)
        created = self._read_subscription(answer)
        if find([created], topics, callback_url, self.wire_topic) is None:
            raise self._unreadable(answer, ANOTHER)
        return created

    def delete_subscription(self, remote_id: str) -> None:
        """Remove a subscription at Zenvia; one that is not there (404) is removed already."""
        try:
            answer = self._request(self.contract.delete_call(remote_id))
        except ZenviaAPIError as error:
            if error.status != 404:
                raise
        else:
            self._read_if_any(answer, _object_of(remote_id))

    def list_topics(self) -> list[str]:
        """Return the canonical topics that Zenvia offers; the published ones if the contract has no call for it."""
        call = self.contract.topics_call()
        if call is None:
            return list(self.contract.TOPICS)
        topics = self._read(
            self._request(call), lambda reply: self.contract.read_topics(reply, self.account.wire_topics)
        )
        return list(map(clean, topics))

    def check_key(self) -> None:
        """Raise ZenviaError if the API key does not work with this contract."""
        call = self.contract.check_call()
        if call == self.contract.list_call():
            self.list_subscriptions()
        else:
            self._read_if_any(self._request(call), lambda _reply: None)

    def list_objects(
        self, of: ObjectList, since: datetime, until: datetime, *, before: str | None = None
    ) -> list[Listed]:
        """Return one page of a list of the contract's `LISTS`, as `ObjectList.call` asks for it."""
        return self._read(self._request(of.call(since, until, before=before)), of.read)

    def get_lead(self, lead_id: str) -> dict[str, Any] | None:
        """Return one lead as the list of leads has it; None where there is none of that id, or no such call."""
        call = self.contract.lead_call(lead_id)
        if call is None:
            return None
        try:
            answer = self._request(call)
        except ZenviaAPIError as error:
            if error.status != 404:
                raise
            return None
        return self._read(answer, _lead_of(lead_id))

    def _find_created(self, answer: Answer, topics: Sequence[str], callback_url: str) -> RemoteSubscription:
        try:
            created = find(self.list_subscriptions(), topics, callback_url, self.wire_topic)
        except ZenviaError as error:
            # Though the list failed, the registration itself was answered with a 2xx.
            why = format_lazy(_("an empty answer, and {error}"), error=error)
            raise self._unreadable(answer, why) from error
        if created is None:
            raise self._unreadable(answer, _("an empty answer, and it is not in the list"))
        return created

    def _read_subscription(self, answer: Answer) -> RemoteSubscription:
        return self._read(
            answer, lambda reply: _checked(self.contract.read_subscription(reply, self.account.wire_topics))
        )

    def _read_if_any(self, answer: Answer, read: Callable[[Any], None]) -> None:
        if answer.body.strip():
            self._read(answer, read)

    def _request(self, call: Call) -> Answer:
        answer = exchange(call, self.account, self.contract.credentials(self._api_key))
        if answer.cut_off:
            words = f"{answer.status}: {self._excerpt(answer)}".rstrip(": ")
            text = _("{call} got no whole answer from {host}: {kind} after {words}")
            host = host_of(self.account.api_url)
            raise ZenviaConnectionError(format_lazy(text, call=call.name, host=host, kind=answer.cut_off, words=words))
        if 300 <= answer.status < 400:
            to = self._clean(host_of(answer.location))
            named = _("a redirect to {host}, which is not followed: check API_URL")
            unnamed = _("a redirect, which is not followed: check API_URL")
            raise self._error(answer, format_lazy(named, host=to) if to else unnamed)
        if answer.status >= 400:
            raise self._error(answer, *self._words(answer))
        if len(answer.body) > call.max_answer_bytes:
            why = format_lazy(_("more than {number} bytes"), number=call.max_answer_bytes)
            raise self._unreadable(answer, why)
        return answer

    def _read(self, answer: Answer, read: Callable[[Any], T]) -> T:
        try:
            return read(json.loads(answer.body))
        except (json.JSONDecodeError, UnicodeDecodeError):
            why: Any = _("no JSON")
        except RecursionError:
            why = _("nested too deep")
        except ValueError as error:
            why = error.args[0] if error.args else ""
        # Raised here, outside of the handlers: those errors hold the body, and would be its context.
        raise self._unreadable(answer, why)

    def _unreadable(self, answer: Answer, why: Any) -> ZenviaAPIError:
        words = self._excerpt(answer)
        text = _("can't be read ({why}): {words}") if words else _("can't be read ({why})")
        return self._error(answer, format_lazy(text, why=why, words=words))

    def _error(self, answer: Answer, message: str | Promise, code: str = "") -> ZenviaAPIError:
        hint = self.contract.hint(answer.status, is_empty=not answer.body.strip())
        return ZenviaAPIError(
            answer.call,
            status=answer.status,
            code=code,
            message=message,
            hint=hint,
            retry_after=answer.retry_after,
        )

    def _words(self, answer: Answer) -> tuple[str, str]:
        """Return message and code as Zenvia put them, else the first words of the answer."""
        try:
            reply = json.loads(answer.body)
        except (ValueError, RecursionError):
            reply = None
        if isinstance(reply, dict):
            message = next((reply[key] for key in ("message", "error", "detail") if reply.get(key)), None)
            if isinstance(message, str):
                code = reply.get("code")
                return self._clean(message), self._clean(str(code)) if isinstance(code, str | int) else ""
        return self._excerpt(answer), ""

    def _excerpt(self, answer: Answer) -> str:
        words = answer.body.decode("utf-8", errors="replace")
        return excerpt(words, self._api_key, broke_off=bool(answer.cut_off))

    def _clean(self, words: str) -> str:
        return excerpt(words, self._api_key)


def contract_that_answers(account: str) -> str | None:
    """Return the name of another contract than the account's that its key works with; None for none.

    For after a 401 or 404. Raises nothing of Zenvia's.
    """
    with contextlib.suppress(ZenviaConfigurationError):
        own = conf.account(account).contract
        return next((name for name in CONTRACTS if name != own and _answers(account, name)), None)
    return None


def _answers(account: str, contract: str) -> bool:
    try:
        ZenviaClient(account, contract=contract).check_key()
    except ZenviaError:
        return False
    return True


def _speaking(account: Account, contract: str | None) -> Account:
    """Return the account as it would be with another contract."""
    if contract is None or contract == account.contract:
        return account
    # An address that is not Zenvia's own is a stand-in's or a proxy's, which speaks both contracts.
    is_default = account.api_url == get_contract(account.contract).API_URL
    other = get_contract(contract)
    # The account's WIRE_TOPICS are names of its own contract.
    return replace(account, contract=contract, api_url=other.API_URL if is_default else account.api_url, wire_topics={})


def find(
    listed: Sequence[RemoteSubscription], topics: Sequence[str], callback_url: str, wire: Callable[[str], str]
) -> RemoteSubscription | None:
    """Return the first of Zenvia's subscriptions that has this callback URL and these topics.

    Topics are compared as `wire`, a client's `wire_topic`, names them: several of ours may be one of Zenvia's.
    """
    wanted = set(map(wire, topics))
    same = (
        row for row in listed if is_same_url(row.callback_url, callback_url) and set(map(wire, row.topics)) == wanted
    )
    return next(same, None)


def _checked(remote: RemoteSubscription) -> RemoteSubscription:
    # "." and ".." would change the path of a call.
    if len(remote.id) > MAX_ID_LENGTH or not remote.id.isprintable() or remote.id in (".", ".."):
        text = _("an id that is not {number} printable characters at most")
        raise ValueError(format_lazy(text, number=MAX_ID_LENGTH))
    return replace(remote, topics=tuple(map(clean, remote.topics)))


def _lead_of(lead_id: str) -> Callable[[Any], dict[str, Any]]:
    def read(reply: Any) -> dict[str, Any]:
        if not isinstance(reply, dict) or reply.get("id") != lead_id:
            raise ValueError(_("the lead that was asked for was due"))
        return reply

    return read


def _object_of(remote_id: str) -> Callable[[Any], None]:
    """Return a reader of an answer about one subscription, which need not be shown in full."""

    def read(reply: Any) -> None:
        if not isinstance(reply, dict):
            raise ValueError(_("an object was due"))
        if reply.get("id") is not None and str(reply["id"]) != remote_id:
            raise ValueError(ANOTHER)

    return read
