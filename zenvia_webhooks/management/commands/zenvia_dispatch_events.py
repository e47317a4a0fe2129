"""`manage.py zenvia_dispatch_events`: hand out what is due in this process, without Celery."""

from __future__ import annotations

import math
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.management.base import OwnCommand


class Command(OwnCommand):
    help = gettext_lazy(
        "Hand due events to their receivers in this process until nothing is due: without Celery, from cron for "
        "example, or to help a worker. Any number of them may run at once, beside workers, too: each event is in one "
        "process's hands at a time. Nothing here ends a receiver that hangs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, help=_("begin nothing more after so many seconds"))
        parser.add_argument("--limit", type=int, help=_("take up at most so many events"))

    def handle(self, *_args: Any, seconds: float | None, limit: int | None, **_options: Any) -> None:
        if (seconds is not None and not seconds > 0) or (limit is not None and limit <= 0):
            raise CommandError(_("--seconds and --limit must be greater than 0."))
        heartbeat.write(heartbeat.COMMAND)
        ends = math.inf if seconds is None else time.monotonic() + seconds
        taken_up = 0
        while limit is None or taken_up < limit:
            of_all = None if limit is None else limit - taken_up
            begun = dispatch_due(limit=of_all, seconds=ends - time.monotonic(), may_hint=False)
            taken_up += begun
            if not begun or time.monotonic() >= ends:
                break
        text = ngettext("Took up %(count)d event.", "Took up %(count)d events.", taken_up)
        self.stdout.write(text % {"count": taken_up})
