"""Lenient readers of single JSON values: what is odd is None, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def text(value: object) -> str | None:
    """Return a string without surrounding space, or a whole number's digits; None for all else and for ''."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def first_text(data: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first of these keys' values that is a text."""
    return next((found for key in keys if (found := text(data.get(key))) is not None), None)


def instant(value: object) -> datetime | None:
    """Return an ISO 8601 time in UTC; without an offset it is taken for UTC.

    None too for years that not every database keeps.
    """
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if 1900 <= parsed.year < 9999 else None
