"""Zenvia's API: what can be asked of it, and what its answers mean. `transport` carries the calls."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.base import Call, RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.transport import MAX_ANSWER_BYTES, Answer, exchange

T = TypeVar("T")

#: How much of an answer that can't be read an error shows.
FIRST_WORDS = 200
#: The longest id of Zenvia's that is kept.
MAX_ID_LENGTH = 255

TOKEN = re.compile("[0-9a-f]{64}")


class ZenviaClient:
    """Zenvia's API for one account of `ZENVIA_WEBHOOKS["ACCOUNTS"]`.

    Every method raises ZenviaConnectionError where no whole answer came (its outcome is unknown) and ZenviaAPIError for
    an answer that is an error or can't be read. No call is ever repeated.
    """

    def __init__(self, account: str = "default") -> None:
        """Raise ZenviaConfigurationError where the account is not there or has no API key."""
        self.account = conf.account(account)
        self.contract = get_contract(self.account.contract)
        if self.account.api_key is None:
            raise ZenviaConfigurationError(
                f"ZENVIA_WEBHOOKS['ACCOUNTS'][{account!r}] has no API_KEY: create one at Zenvia and set it."
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

        An empty answer is no error: what Zenvia lists then under this URL is returned.
        Raises ValueError for a number of topics that the contract does not allow.
        """
        call = self.contract.create_call(topics, callback_url, self.account.wire_topics)
        answer = self._request(call)
        if not answer.body.strip():
            return self._find_created(answer, topics, callback_url)
        created = self._read(
            answer, lambda reply: _checked(self.contract.read_created(reply, self.account.wire_topics))
        )
        if find([created], topics, callback_url) is None:
            raise self._unreadable(answer, "another subscription than the one asked for")
        return created

    def delete_subscription(self, remote_id: str) -> None:
        """Remove a subscription at Zenvia; one that is not there (404) is removed already."""
        try:
            self._request(self.contract.delete_call(remote_id))
        except ZenviaAPIError as error:
            if error.status != 404:
                raise

    def _find_created(self, answer: Answer, topics: Sequence[str], callback_url: str) -> RemoteSubscription:
        try:
            created = find(self.list_subscriptions(), topics, callback_url)
        except ZenviaError as error:
            # Whatever became of the list, the registration was answered with a 2xx.
            raise self._unreadable(answer, f"an empty answer, and {error}") from error
        if created is None:
            raise self._unreadable(answer, "an empty answer, and it is not in the list")
        return created

    def _request(self, call: Call) -> Answer:
        answer = exchange(call, self.account, self.contract.credentials(self._api_key))
        if 300 <= answer.status < 400:
            to = self._clean(_host(answer.location))
            raise self._error(answer, "a redirect" + f" to {to}" * bool(to) + ", which is not followed: check API_URL")
        if answer.status >= 400:
            raise self._error(answer, *self._words(answer))
        if len(answer.body) > MAX_ANSWER_BYTES:
            raise self._unreadable(answer, f"more than {MAX_ANSWER_BYTES} bytes")
        return answer

    def _read(self, answer: Answer, read: Callable[[Any], T]) -> T:
        try:
            return read(json.loads(answer.body))
        except (json.JSONDecodeError, UnicodeDecodeError):
            why = "no JSON"
        except RecursionError:
            why = "nested too deep"
        except ValueError as error:
            why = str(error)
        # Raised here, as those errors hold the body.
        raise self._unreadable(answer, why)

    def _unreadable(self, answer: Answer, why: str) -> ZenviaAPIError:
        words = self._first_words(answer)
        return self._error(answer, f"can't be read ({why})" + (f": {words}" if words else ""))

    def _error(self, answer: Answer, message: str, code: str = "") -> ZenviaAPIError:
        return ZenviaAPIError(answer.call, status=answer.status, code=code, message=message)

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
        return self._first_words(answer), ""

    def _first_words(self, answer: Answer) -> str:
        return self._clean(answer.body.decode("utf-8", errors="replace"))

    def _clean(self, words: str) -> str:
        words = "".join(letter for letter in " ".join(words.split()) if letter.isprintable())
        # Some servers echo what they refuse. Before the cut, which could leave half a secret.
        for key in _spellings(self._api_key):
            words = words.replace(key, "***")
        words = mask_tokens(words)
        return words if len(words) <= FIRST_WORDS else words[:FIRST_WORDS] + "…"


def contract_that_answers(account: str) -> str | None:
    """Return the name of another contract than the account's that its key works with; None for none."""
    return None


def find(listed: Sequence[RemoteSubscription], topics: Sequence[str], callback_url: str) -> RemoteSubscription | None:
    """Return the first of Zenvia's subscriptions that has these topics and this callback URL."""
    same = (row for row in listed if is_same_url(row.callback_url, callback_url) and set(row.topics) == set(topics))
    return next(same, None)


def is_same_url(one: str, other: str) -> bool:
    """Tell whether two URLs are the same but for the case of the host and a slash at the end."""
    return _normal(one) == _normal(other)


def _normal(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl()


def mask_tokens(text: str) -> str:
    """Return a text for logs and lists: tokens of subscriptions in it are cut down."""
    return TOKEN.sub(lambda match: match[0][:6] + "…", text)


def _checked(remote: RemoteSubscription) -> RemoteSubscription:
    # "." and ".." would change the path of a call.
    if len(remote.id) > MAX_ID_LENGTH or not remote.id.isprintable() or remote.id in (".", ".."):
        raise ValueError(f"an id that is not {MAX_ID_LENGTH} printable characters at most")
    return remote


def _spellings(key: str) -> list[str]:
    """Return a key as JSON, HTML and URLs write it, longest first."""
    as_json = json.dumps(key)[1:-1]
    spelt = {key, as_json, as_json.replace("/", "\\/"), html.escape(key), quote(key), quote(key, safe="")}
    return sorted(spelt, key=len, reverse=True)


def _host(url: str) -> str:
    """Return host and port of a URL from outside; empty where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
