"""What the sandbox's APIs ask of a request's body."""

from __future__ import annotations

from typing import Any, TypeGuard

from zenvia_webhooks.sandbox.messages import Reply, Request, bad_request


def json_object(request: Request) -> dict[str, Any] | Reply:
    """Return the JSON object that was sent, else the answer that says what is wrong."""
    if request.media_type != "application/json":
        return bad_request("The Content-Type must be application/json.")
    try:
        value = request.json()
    except ValueError:
        return bad_request("The body is not valid JSON.")
    return value if isinstance(value, dict) else bad_request("The body must be a JSON object.")


def is_printable(value: object) -> TypeGuard[str]:
    """Tell whether a value is a text, not empty, without a lone surrogate that could never be written out again."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()
