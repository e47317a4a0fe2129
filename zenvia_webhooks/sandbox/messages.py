"""What goes over the sandbox's wire: a request that came in, and the reply to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request as it was read."""

    method: str
    #: As sent, query string included.
    path: str
    #: Looked up without regard to case. Not in `repr()`: they hold the API key.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes

    @property
    def route(self) -> str:
        """The path without its query string."""
        return urlsplit(self.path).path

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the body's value.

        Raises ValueError where it is no JSON in UTF-8.
        """
        try:
            return json.loads(self.body.decode("utf-8"))
        except RecursionError:  # which is no ValueError
            raise ValueError("nested too deep") from None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP reply to be written."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The connection is closed instead.
    hang_up: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordedRequest(Request):
    """A call to the stand-in API, kept for a test's assertions and for the page."""

    #: What the sandbox answered.
    status: int
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def json_reply(status: int, value: object, **headers: str) -> Reply:
    """Build a reply whose body is `value` as JSON; `headers` are named in Python's way (`content_type`)."""
    named = {name.replace("_", "-").title(): text for name, text in headers.items()}
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status=status, body=body, headers={"Content-Type": "application/json; charset=utf-8", **named})


def error_reply(status: int, code: str, message: str, **headers: str) -> Reply:
    """Build an error in the shape that Zenvia's errors have: `{"message", "code"}`."""
    return json_reply(status, {"message": message, "code": code}, **headers)


def bad_request(message: str) -> Reply:
    """Build the answer to what can't be used."""
    return error_reply(400, "bad_request", message)


def not_allowed(request: Request, allow: str) -> Reply:
    """Build the answer to another method than `allow` has."""
    return error_reply(405, "method_not_allowed", f"{request.method} is not possible here.", allow=allow)
