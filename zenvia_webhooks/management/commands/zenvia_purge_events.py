"""`manage.py zenvia_purge_events`: delete finished events that are old."""

from __future__ import annotations

import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks import retention
from zenvia_webhooks.conf import conf
from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import plain
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress


class Command(OwnCommand):
    help = gettext_lazy(
        "Delete finished events, with their deliveries, that were received more than RETENTION_DAYS ago."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, help=_("in place of RETENTION_DAYS"))
        parser.add_argument("--dry-run", action="store_true", help=_("only say how many there are"))

    def handle(self, *_args: Any, days: float | None, dry_run: bool, **_options: Any) -> None:
        if days is None:
            try:
                days = conf.retention_days
            except ImproperlyConfigured as error:
                raise CommandError(str(error)) from None
            if days is None:
                raise CommandError(
                    _("RETENTION_DAYS is None, which keeps every event. To purge all the same, give --days.")
                )
        if not 0 < days < 10**6:
            raise CommandError(_("--days must be a number greater than 0."))
        total = retention.to_purge(days).count()
        if dry_run:
            text = ngettext(
                "%(count)d finished event was received more than %(days)s days ago.",
                "%(count)d finished events were received more than %(days)s days ago.",
                total,
            )
            self.stdout.write(text % {"count": total, "days": plain(days)})
            return
        progress, purged = Progress(self.stderr, total), 0
        for batch in retention.purge(days):
            purged += batch.number
            progress.advance(batch.number)
            if batch.position:
                # It is in no hurry, and the webhooks that come meanwhile are.
                time.sleep(max(batch.seconds, 0))
        progress.end()
        audit.record("zenvia_purge_events", f"purged {purged} events")
        text = ngettext(
            "Purged %(count)d event that was received more than %(days)s days ago.",
            "Purged %(count)d events that were received more than %(days)s days ago.",
            purged,
        )
        self.stdout.write(text % {"count": purged, "days": plain(days)})
