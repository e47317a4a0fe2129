"""Post an event to a webhook, the way Zenvia does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from django.utils.translation import gettext as _

from zenvia_webhooks.origins import is_loopback, is_web_url, origin_of

TIMEOUT_SECONDS = 10
#: Seconds that a connection may take in any case.
CONNECT_SECONDS = 5
#: Longest part of an answer that is worth showing: an error page of Django's is 100 kB.
SHOWN_CHARACTERS = 4000


class TooSlowError(ConnectionError):
    """No whole answer came in time: what was posted may have been taken all the same."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a webhook answered."""

    status: int
    body: str
    milliseconds: int
    #: Where a redirect leads.
    location: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether Zenvia would count the event as delivered."""
        return 200 <= self.status < 300

    @property
    def excerpt(self) -> str:
        cut = self.body[:SHOWN_CHARACTERS]
        return cut if cut == self.body else cut + "…"

    def json(self) -> Any:
        """Return the body's value.

        Raises ValueError where it is no JSON.
        """
        return json.loads(self.body)


def encode(payload: Mapping[str, Any]) -> bytes:
    """Write a payload as Zenvia does: JSON in UTF-8, letters like "ã" as they are."""
    return json.dumps(payload, ensure_ascii=False).encode()


def post_event(
    url: str,
    body: bytes,
    *,
    user_agent: str,
    patience: float = TIMEOUT_SECONDS,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Post `body` to a webhook, byte for byte; redirects are not followed.

    Raises ConnectionError where no whole answer came (`patience` is the longest silence, in seconds), ValueError
    where `url` is none. Neither names the URL's path: it ends in a secret. What was only too slow is a TooSlowError.
    """
    if not is_web_url(url):
        raise ValueError(_("This is no http:// or https:// URL."))
    started = time.monotonic()
    with requests.Session() as session:
        # A proxy of the environment can't reach this machine's own address.
        session.trust_env = not is_loopback(urlsplit(url).hostname)
        try:
            response = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": user_agent, **(headers or {})},
                timeout=(max(patience, CONNECT_SECONDS), patience),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            kind = TooSlowError if isinstance(error, requests.Timeout) else ConnectionError
            raise kind(_why(url, error, patience)) from None
        return Answer(
            status=response.status_code,
            body=response.content.decode("utf-8", "replace"),
            location=response.headers.get("Location", ""),
            milliseconds=round((time.monotonic() - started) * 1000),
        )


def _why(url: str, error: requests.RequestException, patience: float) -> str:
    # The library's own text holds the path, and with it the subscription's token.
    if isinstance(error, requests.Timeout):
        text = _("%(site)s did not answer within %(seconds)s s.")
    elif isinstance(error, requests.exceptions.SSLError):
        text = _("%(site)s has no certificate that this machine trusts.")
    elif isinstance(error, requests.exceptions.ProxyError):
        text = _("The proxy of this environment did not let %(site)s be reached.")
    elif isinstance(error, requests.ConnectionError) and not _was_cut(error):
        text = _("%(site)s can't be reached: is the site running, and is this its address?")
    else:
        text = _("%(site)s broke off before its answer was whole.")
    return text % {"site": origin_of(url), "seconds": f"{patience:g}"}


def _was_cut(error: requests.RequestException) -> bool:
    # requests has one class for "no connection" and "connection lost"; urllib3's error inside tells.
    return "Connection aborted" in str(error) or "Connection broken" in str(error)
