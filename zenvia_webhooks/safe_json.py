"""JSON from strangers: parsed strictly, and made safe for every database."""

from __future__ import annotations

import json
import math
import re
from typing import Any

#: MariaDB's JSON functions stop at 32.
MAX_DEPTH = 30

#: PostgreSQL refuses NUL in text; PostgreSQL and MariaDB refuse lone surrogates.
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    Numbers that no database keeps are read as something that one does: integers past 64 bits as strings, and what
    is too large for a float as None.
    Raises ValueError where it is none: not UTF-8 (a byte order mark included), not JSON by RFC 8259, or nested
    deeper than the parser goes.
    """
    try:
        # Decoded here: json.loads would take UTF-16 and UTF-32 too.
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_int=_integer, parse_float=_float)
    except RecursionError:
        raise ValueError("nested deeper than the parser goes") from None
    if not isinstance(value, dict):
        raise ValueError("JSON, but no object")
    return value


def canonical(value: object) -> bytes:
    """Return the same bytes for equal JSON values, whatever their spacing and order of keys."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise ValueError("nested deeper than the parser goes") from None


def make_safe(value: object, depth: int = 1) -> Any:
    """Return a copy that every database stores.

    NUL and lone surrogates become U+FFFD, and what is nested deeper than `MAX_DEPTH` its JSON text. Numbers are as
    `parse_object` reads them.
    """
    if isinstance(value, str):
        return _UNSAFE.sub("\ufffd", value)
    if isinstance(value, dict | list) and depth > MAX_DEPTH:
        return canonical(value).decode("ascii")
    if isinstance(value, dict):
        return {_UNSAFE.sub("\ufffd", key): make_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [make_safe(item, depth + 1) for item in value]
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _integer(digits: str) -> int | str:
    # Past 64 bits no database keeps it, and past 4300 digits Python refuses to read it.
    if len(digits) > 20:
        return digits
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits
