"""Management commands, run as a person would."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command

from tests.support.account import KEY as KEY
from zenvia_webhooks.models import Subscription


def run(*command: str) -> tuple[str, str]:
    """Run a command; return all that it printed, and, if it failed, its error with what it wrote to stderr.

    No token and no key may be among it.
    """
    out, err, error = io.StringIO(), io.StringIO(), ""
    try:
        call_command(*command, stdout=out, stderr=err)
    except CommandError as raised:
        error = f"{err.getvalue()}{raised}"
    printed = out.getvalue() + (error or err.getvalue())
    for secret in (KEY, *Subscription.objects.values_list("token", flat=True)):
        assert secret not in printed
    return printed, error


def register(*options: str) -> tuple[str, str]:
    return run("zenvia_register_subscription", *options)
