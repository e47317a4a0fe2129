"""Topics on a command line."""

from __future__ import annotations

from argparse import ArgumentTypeError

from django.utils.translation import gettext as _


def topic(value: str) -> str:
    """Return a topic as it was typed. Raises ArgumentTypeError for what can't be one."""
    typed = value.strip()
    if not typed or not typed.isprintable() or " " in typed:
        raise ArgumentTypeError(_("%(topic)r is no topic: write one such as lead.created.") % {"topic": value})
    return typed
