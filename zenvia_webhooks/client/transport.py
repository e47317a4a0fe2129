"""HTTP to Zenvia: the one place where a request leaves this app."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from requests.auth import AuthBase
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InvalidHeader

from zenvia_webhooks.client.secret_query import SecretQueryAdapter
from zenvia_webhooks.conf import Account
from zenvia_webhooks.contracts import current_address
from zenvia_webhooks.contracts.base import Call, Credentials
from zenvia_webhooks.exceptions import ZenviaConnectionError
from zenvia_webhooks.origins import host_of, is_loopback

T = TypeVar("T")

#: An error shows no more of an answer than this.
FIRST_BYTES = 1024
#: The kind of error when the time was over.
TOO_SLOW = "TimeoutError"
#: Kinds of error before there is a connection: nothing was sent.
NOT_CONNECTED = frozenset({"ConnectionRefusedError", "gaierror"})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of Zenvia's."""

    #: "POST /subscriptions", for messages.
    call: str
    status: int
    #: Not in `repr()`: some servers echo what they are sent, key included.
    body: bytes = field(repr=False)
    #: Where a redirect leads.
    location: str = field(default="", repr=False)
    #: The kind of error that cut the body off; empty for a whole answer.
    cut_off: str = ""
    #: Seconds to wait before the next call, by the header Retry-After; None where it says nothing readable.
    retry_after: float | None = None


def exchange(call: Call, account: Account, credentials: Credentials) -> Answer:
    """Make one call, once, and return its answer, whatever its status.

    A body longer than the call's `max_answer_bytes` is cut behind that. Raises ZenviaConnectionError if no answer
    began, or none was whole within the account's `TIMEOUT`.
    """
    answer = within(account.timeout, lambda: _exchange(call, account, credentials))
    if isinstance(answer, str):
        host = host_of(account.api_url)
        now = current_address(urlsplit(account.api_url).hostname or "")
        is_slow = answer == TOO_SLOW
        text = format_lazy(
            _("{call} got no whole answer from {host} within {seconds:g} s")
            if is_slow
            else _("{call} got no whole answer from {host}: {kind}"),
            call=call.name,
            host=host,
            seconds=account.timeout,
            kind=answer,
        )
        raise ZenviaConnectionError(
            format_lazy(_("{text} (API_URL is {now} now)"), text=text, now=now) if now else text,
            outcome_unknown=answer not in NOT_CONNECTED,
        )
    return answer


def _exchange(call: Call, account: Account, credentials: Credentials) -> Answer:
    ends = time.monotonic() + account.timeout
    host = urlsplit(account.api_url).hostname or ""
    # A session of its own: on a kept connection, a POST might be sent twice by the HTTP library.
    with (
        _Session(credentials.params) as session,
        session.request(
            call.method,
            account.api_url + call.target,
            data=call.content,
            # Not compressed: few bytes of it unpack to any number.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"}
            | ({} if call.body is None else {"Content-Type": "application/json"}),
            # As `auth`, so that a .netrc file can't take its place.
            auth=_Authorization(credentials),
            # A proxy of the environment can't reach this machine's own address.
            proxies={"no_proxy": host} if is_loopback(host) else None,
            timeout=account.timeout,
            allow_redirects=False,
            stream=True,
        ) as response,
    ):
        body, cut_off = _body_of(response, call.max_answer_bytes, ends)
    return Answer(
        call=call.name,
        status=response.status_code,
        body=body,
        location=response.headers.get("Location", ""),
        cut_off=cut_off,
        retry_after=_retry_after(response.headers.get("Retry-After")),
    )


def _retry_after(header: str | None) -> float | None:
    """Read seconds or a date."""
    with contextlib.suppress(InvalidHeader, OverflowError, ValueError):
        return None if header is None else float(Retry().parse_retry_after(header))
    return None


def _body_of(response: requests.Response, most: int, ends: float) -> tuple[bytes, str]:
    """Return a body, and the kind of error that cut it off, if one did. Raises TimeoutError at `ends`."""
    body = bytearray()
    try:
        # The first words byte by byte: a piece that is cut off half way is lost.
        while chunk := response.raw.read(1 if len(body) < FIRST_BYTES else 8 * 1024, decode_content=True):
            body += chunk
            if len(body) > most:
                break
            if time.monotonic() > ends:
                raise TimeoutError
    except HTTPError as error:
        if (cut_off := _kind(error)) == TOO_SLOW:
            raise
        return bytes(body), cut_off
    return bytes(body), ""


class _Session(requests.Session):
    """Knows no redirects: one could carry the key to another host.

    Told only not to follow them, requests reads all of a redirect's body and fails over an address that is none.
    """

    def __init__(self, params: Mapping[str, str]) -> None:
        super().__init__()
        if params:
            for scheme in ("https://", "http://"):
                self.mount(scheme, SecretQueryAdapter(urlencode(params)))

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Authorization(AuthBase):
    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.credentials.headers)
        return request


def within(seconds: float, work: Callable[[], T]) -> T | str:
    """Return what `work` returns, else the kind of its error: "ConnectionRefusedError", or `TOO_SLOW`.

    It runs in a thread, which is left to itself when the time is over: the HTTP library's time-out begins anew with
    each byte that comes in, and does not cover the look-up of a name. Of an error only the kind is returned: the
    library's texts may hold URL and headers, key included, and would stay with ours even `from None`.
    """
    outcome: SimpleQueue[T | str] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put(work())
        except Exception as error:  # noqa: BLE001 (no error of any kind may get out)
            outcome.put(_kind(error))

    threading.Thread(target=run, name="zenvia-call", daemon=True).start()
    try:
        return outcome.get(timeout=seconds)
    except Empty:
        return TOO_SLOW


def _kind(error: BaseException) -> str:
    """Return the innermost reason's class, which says most: "ConnectionRefusedError", "gaierror"."""
    while (inner := getattr(error, "reason", None) or error.__cause__ or error.__context__) is not None:
        if not isinstance(inner, BaseException):
            break
        error = inner
    return type(error).__name__
