"""Settings as the checks read them: what is wrong in one is reported once, by `check_settings`."""

from __future__ import annotations

from typing import Any

from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError


def read(name: str) -> Any:
    try:
        return getattr(conf, name)
    except ZenviaConfigurationError:
        return None


def is_broken(name: str) -> bool:
    """Tell whether a setting can't be read, which `check_settings` reports."""
    try:
        getattr(conf, name)
    except ZenviaConfigurationError:
        return True
    return False
