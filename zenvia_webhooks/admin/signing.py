"""What a form carries from the page on which it is shown to the one to which it is sent: signed, good for a day."""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.http import QueryDict

SALT = "zenvia_webhooks.admin"
#: Seconds that a page may stay open.
PAGE_SECONDS = 24 * 3600


def sign(purpose: str, value: Any) -> str:
    """Return JSON as text that only this site can have written. It can be read by anybody."""
    return signing.dumps(value, salt=f"{SALT}.{purpose}")


def unsign(purpose: str, data: QueryDict, name: str) -> Any | None:
    """Return what was signed for the same purpose and came back as `name`; None where it is forged or too old."""
    try:
        return signing.loads(data.get(name, ""), salt=f"{SALT}.{purpose}", max_age=PAGE_SECONDS)
    except signing.BadSignature:
        return None
