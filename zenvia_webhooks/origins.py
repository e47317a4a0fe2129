"""Parts of URLs that may be shown or compared: the rest of one may hold a token or somebody's password."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def host_of(url: str) -> str:
    """Return host and port, such as "crm.example.com:8443"; empty where the text is no URL or has no host."""
    parts = _split(url)
    return parts.netloc.rpartition("@")[2] if parts else ""


def origin_of(url: str) -> str:
    """Return scheme, host and port, such as "https://crm.example.com"; empty where there is no host."""
    parts, host = _split(url), host_of(url)
    return f"{parts.scheme}://{host}" if parts and host else ""


def is_same_url(one: str, other: str) -> bool:
    """Tell whether two URLs are the same but for the case of the host and a slash at the end."""
    return _normal(one) == _normal(other)


def is_web_url(url: str) -> bool:
    """Tell whether a text is a URL of http or https, with a host and a port that is a number, if any."""
    parts = _split(url)
    return bool(parts and parts.scheme in ("http", "https") and parts.hostname)


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host is None or host == "localhost" or (host or "").endswith(".localhost"):
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def _normal(url: str) -> str:
    parts = _split(url)
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl() if parts else url
