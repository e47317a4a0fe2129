"""`manage.py zenvia_replay_events`: hand stored events to receivers once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import confirmed, moment
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow

BATCH = 200
#: What can be replayed.
STATUSES = [Event.Status.FAILED, Event.Status.UNHANDLED, Event.Status.DISPATCHED, Event.Status.RETRYING]


class Command(OwnCommand):
    help = gettext_lazy(
        "Have stored events handed to receivers once more: those that failed or that nobody took, unless --status "
        "says otherwise, and of each the receivers that have not succeeded. A worker then runs them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--status",
            action="append",
            choices=[status.value for status in STATUSES],
            help=_("may be repeated (default: failed and unhandled)"),
        )
        parser.add_argument("--topic", help=_("such as lead.created"))
        parser.add_argument("--account", help=_("its alias in the settings"))
        parser.add_argument("--since", type=moment, metavar="TIME", help=_("received at or after, such as 2026-01-31"))
        parser.add_argument("--until", type=moment, metavar="TIME", help=_("received before, such as 2026-01-31T12:00"))
        parser.add_argument(
            "--receiver", action="append", metavar="NAME", help=_("run this one alone; may be repeated")
        )
        parser.add_argument("--again", action="store_true", help=_("run also receivers that have succeeded"))
        parser.add_argument("--dry-run", action="store_true", help=_("only say how many events there are"))
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help=_("don't ask"))

    def handle(
        self, *_args: Any, receiver: list[str] | None, again: bool, dry_run: bool, interactive: bool, **options: Any
    ) -> None:
        events = _chosen(**options)
        total = events.count()
        text = ngettext("%(count)d event matches.", "%(count)d events match.", total)
        self.stdout.write(text % {"count": total})
        if dry_run or not total:
            return
        if interactive and not confirmed(_question(total)):
            raise CommandError(_("Nothing was replayed."))
        # All due since this moment, so that what arrives meanwhile is newer and need not wait for them.
        due_at = events.annotate(now=DatabaseNow()).values_list("now", flat=True).first()
        progress, replayed, unknown = Progress(self.stderr, total), 0, ""
        for event in _each(events):
            try:
                replayed += bool(event.replay(receiver, again=again, due_at=due_at))
            except ValueError as error:
                unknown = str(error)  # to this event's topic; another's may know it
            progress.advance()
        progress.end()
        if unknown and not replayed:
            raise CommandError(unknown)
        audit.record("zenvia_replay_events", f"replayed {replayed} events")
        text = ngettext("Replayed %(count)d event.", "Replayed %(count)d events.", replayed)
        self.stdout.write(text % {"count": replayed})


def _question(total: int) -> str:
    text = ngettext("Replay %(count)d event?", "Replay up to %(count)d events?", total)
    return text % {"count": total}


def _chosen(
    *,
    status: list[str] | None,
    topic: str | None,
    account: str | None,
    since: datetime | None,
    until: datetime | None,
    **_options: Any,
) -> QuerySet[Event]:
    wanted = {"topic": topic, "account": account, "received_at__gte": since, "received_at__lt": until}
    events = Event.objects.using(router.db_for_write(Event))
    events = events.filter(status__in=status or [Event.Status.FAILED, Event.Status.UNHANDLED])
    return events.filter(**{key: value for key, value in wanted.items() if value is not None})


def _each(events: QuerySet[Event]) -> Iterator[Event]:
    """Yield the events there are now, a batch of ids at a time, without what makes them large."""
    ids = events.order_by("-pk").values_list("pk", flat=True)
    last, after = ids.first(), 0
    while batch := list(events.filter(pk__gt=after, pk__lte=last or 0).order_by("pk").only("pk")[:BATCH]):
        yield from batch
        after = batch[-1].pk
