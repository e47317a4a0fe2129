"""The admin's history of what a command did. Each line of it belongs to a user of the site."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from zenvia_webhooks.management import audit
from zenvia_webhooks.models import Subscription

#: Django's `LogEntry.action_flag`.
ADDITION, CHANGE, DELETION = 1, 2, 3


def add_user_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--user",
        metavar="NAME",
        help=_("user of this site in whose name the admin's history has it (the one called as you are here)"),
    )


def user_named(name: str | None) -> Any:
    """Return the site's user of this name; without a name, the one called as the machine's user is, if there is one.

    None where there is no such user, or no admin. Raises CommandError for a name that nobody has.
    """
    if not apps.is_installed("django.contrib.admin"):
        return None
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name or getpass.getuser())
    except (model.DoesNotExist, OSError, KeyError, ImportError):  # the last three: a user of a container has no name
        if name:
            raise CommandError(_("No user of this site is called %(name)r.") % {"name": name}) from None
        return None


def write(user: Any, row: Subscription, command: str, flag: int = CHANGE) -> None:
    """Write what a command made of a subscription: to the log, and to the history if there is a user to name."""
    audit.record(command, f"subscription #{row.pk} is {'deleted' if flag == DELETION else row.status}")
    if user is not None:
        entries = apps.get_model("admin", "LogEntry")._default_manager
        became = _("deleted") if flag == DELETION else row.get_status_display()
        entries.log_actions(user.pk, [row], flag, f"{command}: {became}.", single_object=True)
