"""Ids as Zenvia's are: 24 hexadecimal digits that begin with the time of creation (ZENVIA.md 1)."""

from __future__ import annotations

import itertools
import re
import secrets
from datetime import UTC, datetime

FORM = re.compile(r"[0-9a-z]{24}")


class ObjectIds:
    """Make ids: 8 digits of Unix seconds, 3 of milliseconds, 1 for the kind, 12 that count. Safe for threads."""

    def __init__(self) -> None:
        # Two sandboxes must not make the same ids.
        self._numbers = itertools.count(secrets.randbelow(2**47))

    def new(self, at: datetime) -> str:
        """Return an id that is greater than any made for an earlier millisecond, or before it for the same one."""
        return f"{_clock(at)}0{next(self._numbers):012x}"


def lowest_id(at: datetime) -> str:
    """Return what no id of this millisecond or a later one is below."""
    return f"{_clock(at)}{'0' * 13}"


def highest_id(at: datetime) -> str:
    """Return what no id of this millisecond or an earlier one is above."""
    return f"{_clock(at)}{'f' * 13}"


def derived_id(object_id: str, kind: str) -> str:
    """Return the id of a part of an object, always the same; `kind` is one hexadecimal digit from "1" on."""
    return f"{object_id[:11]}{kind}{object_id[12:]}"


def is_object_id(text: str) -> bool:
    return FORM.fullmatch(text) is not None


def in_milliseconds(at: datetime) -> datetime:
    """Return a time as Zenvia's clock has it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def now_in_milliseconds() -> datetime:
    """Return the time of now as Zenvia's clock has it."""
    return in_milliseconds(datetime.now(UTC))


def timestamp(at: datetime) -> str:
    """Return a time as Zenvia writes it: UTC, with milliseconds and "Z"."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _clock(at: datetime) -> str:
    # Dates before 1970 or after 2106 are no time of creation: the nearest that can be written.
    seconds = min(max(int(at.timestamp() // 1), 0), 2**32 - 1)
    return f"{seconds:08x}{at.microsecond // 1000:03x}"
