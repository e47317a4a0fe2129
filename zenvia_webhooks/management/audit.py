"""The log of what commands do to people's data: Django's own log of the admin wants a user. It names nobody."""

from __future__ import annotations

import getpass
import logging

logger = logging.getLogger("zenvia_webhooks.audit")


def record(command: str, what: str) -> None:
    """Log what a command did, and which user of this machine ran it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        user = "?"
    logger.info("%s by %s: %s", command, user, what)
