"""What a contract makes of a question to Zenvia: requests without address, and the proof of a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

#: More than any list of subscriptions.
MAX_ANSWER_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to Zenvia, without address and credentials."""

    method: str
    #: Behind the account's `API_URL`, with a leading slash.
    path: str
    #: The JSON body, where there is one. Not in `repr()`: a callback URL ends in a token.
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    #: What is asked for in the query: nothing secret, as others may log it.
    params: Mapping[str, str] = field(default_factory=dict)
    #: What is longer is not read.
    max_answer_bytes: int = MAX_ANSWER_BYTES

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path + (f"?{urlencode(self.params)}" if self.params else "")

    @property
    def name(self) -> str:
        """What messages call it, such as "POST /subscriptions"."""
        return f"{self.method} {self.path}"

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What proves an API key to Zenvia: headers and query parameters to add to a call."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
