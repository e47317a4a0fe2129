"""JSON from outside: parsed strictly, and made safe for every database."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

#: MariaDB's JSON functions stop at 32.
MAX_DEPTH = 30
#: Values of one body, those inside of others included. The largest notification that was seen has some 300; each costs
#: about 3 µs to read, so that this many take no more than 50 ms.
MAX_VALUES = 10_000
#: Longer numbers are kept as text.
MAX_NUMBER_LENGTH = 64

#: PostgreSQL refuses NUL in text; PostgreSQL and MariaDB refuse lone surrogates.
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
#: One that breaks off ends with the body, so that no text is gone through twice.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_WHOLE = re.compile("-?[0-9]+").fullmatch
_SEPARATOR = re.compile(rb"[,\[{]")
#: Stands before what JSON's encoder does not know, and in no string of a body, as nobody else knows it.
_MARK = secrets.token_hex(16)
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


class Number:
    """A number as it came: what databases and Python make of `1e400`, `-0` or `0.10` is something else."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Repeated:
    """The values of a name that an object has more than once."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is, with `Number` for every number: `make_safe` makes them plain.

    Raises ValueError where it is none: not UTF-8 (a byte order mark included), not JSON by RFC 8259, nested deeper than
    the parser goes, or of more than `MAX_VALUES` values.
    """
    if _number_of_values(body) > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    try:
        # Decoded here: json.loads would take UTF-16 and UTF-32 too.
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse,
            parse_int=Number,
            parse_float=Number,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("nested deeper than the parser goes") from None
    if not isinstance(value, dict):
        raise ValueError("JSON, but no object")
    return value


def canonical(value: object) -> bytes:
    """Return the same bytes for equal JSON values, whatever their spacing and order of keys.

    Of what `parse_object` returns, numbers are equal if they are written alike.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_marked)
    except RecursionError:
        raise ValueError("nested deeper than the parser goes") from None
    return _MARKED.sub(r"\1", text).encode("ascii")


def make_safe(value: object, depth: int = 1) -> Any:
    """Return a copy that every database stores.

    NUL and lone surrogates become U+FFFD, and what is nested deeper than `MAX_DEPTH` its JSON text. A number becomes
    one of Python's, and text where that would be another, or would grow: past 64 bits, or outside of about 10^±20.
    Of a name that comes more than once the last value is kept, as by every reader of JSON.
    """
    if isinstance(value, str):
        return _UNSAFE.sub("\ufffd", value)
    if isinstance(value, Number):
        return _plain(value.text)
    if isinstance(value, Repeated):
        return make_safe(value.values[-1], depth)
    if isinstance(value, (dict, list)) and depth > MAX_DEPTH:
        return canonical(value).decode("ascii")
    if isinstance(value, dict):
        return {_UNSAFE.sub("\ufffd", key): make_safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [make_safe(item, depth + 1) for item in value]
    return value


def _number_of_values(body: bytes) -> int:
    """Return how many values a body has at the most, by what stands before each: a comma or a bracket."""
    number = sum(map(body.count, (b",", b"[", b"{")))
    # A long text has commas, too; only then is it worth the time to leave texts out.
    return number if number <= MAX_VALUES else len(_SEPARATOR.findall(_STRING.sub(b"", body)))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        values: dict[str, list[Any]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        members |= {name: Repeated(several) for name, several in values.items() if len(several) > 1}
    return members


def _marked(value: object) -> Any:
    if isinstance(value, Number):
        return _MARK + value.text
    if isinstance(value, Repeated):
        return [f"{_MARK}repeated", *value.values]
    raise TypeError(f"{type(value).__name__} is no JSON")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _plain(text: str) -> int | float | str:
    if len(text) > MAX_NUMBER_LENGTH:
        return text
    if _WHOLE(text):
        whole = int(text)
        return whole if -(2**63) <= whole < 2**63 else text
    number = float(text)
    if 1e-20 < abs(number) < 1e20:
        return number
    # What is too small for a float is zero to it, too.
    return number if number == 0 and not re.search("[1-9]", re.split("[eE]", text)[0]) else text
