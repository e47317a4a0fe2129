"""Management commands, run as a person would."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command

from zenvia_webhooks.models import Subscription


def run(*command: str) -> tuple[str, str]:
    """Run a command; return all that it printed, and its error. No token may be among it."""
    out, error = io.StringIO(), ""
    try:
        call_command(*command, stdout=out, stderr=out)
    except CommandError as raised:
        error = str(raised)
    printed = out.getvalue() + error
    for token in Subscription.objects.values_list("token", flat=True):
        assert token not in printed
    return printed, error
