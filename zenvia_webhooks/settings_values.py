"""How a setting's value is read: each reader takes where the value stands, and returns it as the app uses it.

Each raises ZenviaConfigurationError, naming the place and what belongs there, if the value is of a wrong kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from phonenumbers import SUPPORTED_REGIONS

from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.origins import is_loopback, origin_of


def wrong(where: str, text: Any, **words: str) -> ZenviaConfigurationError:
    # Lazy: each reader has a language of its own, and the log is English.
    return ZenviaConfigurationError(format_lazy(text, where=where, **words))


def mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(where, _("{where} must be a dict with string keys."))
    return value


def boolean(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(where, _("{where} must be True or False."))
    return value


def text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(where, _("{where} must be a string that is not empty."))
    return value


def positive_number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
        raise wrong(where, _("{where} must be a number greater than 0."))
    return value


def positive_number_or_none(where: str, value: Any) -> float | None:
    return None if value is None else positive_number(where, value)


def positive_int(where: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**60:
        raise wrong(where, _("{where} must be a whole number greater than 0."))
    return value


def delays(where: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(where, _("{where} must be a list of seconds."))
    return tuple(positive_number(f"{where}[{index}]", delay) for index, delay in enumerate(value))


def words(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(v, str) for v in value):
        raise wrong(where, _("{where} must be a list of strings."))
    return tuple(word.strip().lower() for word in value)


def header_names(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(v, str) for v in value):
        raise wrong(where, _("{where} must be a list of header names."))
    return tuple(sorted({name.lower() for name in value}))


def phone_regions(where: str, value: Any) -> tuple[str, ...]:
    # In the order given, which counts: so no set.
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v in SUPPORTED_REGIONS for v in value):
        raise wrong(where, _("{where} must be a list of countries by ISO 3166, such as ['BR', 'AR', 'MX']."))
    return tuple(value)


def url(where: str, value: Any) -> str:
    address = text(where, value).rstrip("/")
    try:
        parts = urlsplit(address)
        _port = parts.port  # raises if it is no number
    except ValueError:
        raise wrong(where, _("{where} must be a URL such as 'https://crm.example.com'.")) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise wrong(where, _("{where} must be a URL such as 'https://crm.example.com', without user name or password."))
    if parts.query or parts.fragment or not address.isascii() or not address.isprintable() or " " in address:
        raise wrong(where, _("{where} must be a plain URL: no spaces, no '?', no '#', a host in ASCII."))
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise wrong(where, _("{where} must be an https:// URL (http:// is for this machine's own address only)."))
    return address


def origin(where: str, value: Any) -> str:
    address = url(where, value)
    if address != origin_of(address):
        raise wrong(where, _("{where} must be an origin such as 'https://crm.example.com', without a path."))
    return address


def api_key(where: str, value: Any) -> str | None:
    # A key read from a file often ends in a newline, and an HTTP library's complaint about it prints the key.
    if value is None or value == "":
        return None
    key = value.strip() if isinstance(value, str) else ""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise wrong(where, _("{where} must be a string of printable ASCII characters without spaces."))
    return key
