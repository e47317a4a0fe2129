"""Lenient readers of single JSON values: what is odd is None, never an exception."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any


def text(value: object) -> str | None:
    """Return a string without surrounding space, or a whole number's digits; None for all else and for ''."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def first_text(data: Mapping[str, Any], *keys: str) -> str | None:
    """Return the first of these keys' values that is a text."""
    return next((found for key in keys if (found := text(data.get(key))) is not None), None)


def string(value: object) -> str | None:
    """Return a string without surrounding space; None for all else, numbers included, and for ''."""
    return text(value) if isinstance(value, str) else None


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list, each once, in order; a text that is no list for a list of one."""
    found = (text(item) for item in (value if isinstance(value, list) else [value]))
    return tuple(dict.fromkeys(item for item in found if item is not None))


def mapping(value: object) -> dict[str, Any]:
    """Return an object; an empty one for all else."""
    return value if isinstance(value, dict) else {}


def amount(value: object) -> Decimal | None:
    """Return a number, or a text that is one; None for all else, and for what is too large or small for money."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and -20 < number.adjusted() < 20 else None


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


def listed(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; an object that is in no list for a list of one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
