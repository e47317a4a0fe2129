"""Topics on a command line."""

from __future__ import annotations

from argparse import ArgumentTypeError


def topic(value: str) -> str:
    """Return a topic as it was typed. Raises ArgumentTypeError for what can't be one."""
    typed = value.strip()
    if not typed or not typed.isprintable() or " " in typed:
        raise ArgumentTypeError(f"{value!r} is no topic: write one such as lead.created.")
    return typed
