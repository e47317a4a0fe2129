"""The admin's history of what a command did. Each line of it belongs to a user of the site."""

from __future__ import annotations

import getpass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db.models import Model
from django.utils.translation import gettext as _

#: Django's `LogEntry.action_flag`.
ADDITION, CHANGE = 1, 2


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


def write(user: Any, row: Model, message: str, *, is_new: bool) -> None:
    """Write a line, if there is a user to name."""
    if user is not None:
        entries = apps.get_model("admin", "LogEntry")._default_manager
        flag = ADDITION if is_new else CHANGE
        entries.log_actions(user.pk, [row], flag, message, single_object=True)
