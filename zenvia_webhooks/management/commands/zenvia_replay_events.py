"""`manage.py zenvia_replay_events`: hand stored events to receivers once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks import wakeup
from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import confirmed, moment
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import from_now
from zenvia_webhooks.replay.again import read_again
from zenvia_webhooks.replay.selection import Selection

BATCH = 200
#: What can be replayed.
STATUSES = [Event.Status.FAILED, Event.Status.UNHANDLED, Event.Status.RETRYING, Event.Status.DISPATCHED]
#: What is replayed if nothing is said.
DEFAULT = STATUSES[:3]


class Command(OwnCommand):
    help = gettext_lazy(
        "Have stored events handed to receivers once more: those that failed, that are being retried or that nobody "
        "took, unless --status says otherwise, and of each the receivers that have not succeeded. A worker then runs "
        "them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--status",
            action="append",
            choices=[status.value for status in STATUSES],
            help=_("may be repeated (default: failed, unhandled and retrying)"),
        )
        parser.add_argument("--topic", help=_("such as lead.created"))
        parser.add_argument("--account", help=_("its alias in the settings"))
        parser.add_argument("--since", type=moment, metavar="TIME", help=_("received at or after, such as 2026-01-31"))
        parser.add_argument("--until", type=moment, metavar="TIME", help=_("received before, such as 2026-01-31T12:00"))
        parser.add_argument(
            "--receiver", action="append", metavar="NAME", help=_("run this one alone; may be repeated")
        )
        parser.add_argument(
            "--again", action="store_true", help=_("run the named receivers also where they have succeeded")
        )
        parser.add_argument(
            "--read-again", action="store_true", help=_("read quarantined events again, and replay nothing")
        )
        parser.add_argument("--dry-run", action="store_true", help=_("only say how many events there are"))
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help=_("don't ask"))

    def handle(self, *_args: Any, dry_run: bool, interactive: bool, **options: Any) -> None:
        if options["again"] and not options["receiver"]:
            raise CommandError(_("--again needs --receiver: say which receiver is to run once more."))
        if options["read_again"] and (options["receiver"] or options["status"]):
            raise CommandError(_("--read-again takes quarantined events, so no --status and no --receiver."))
        events = _chosen(**options)
        total = events.count()
        self.stdout.write(ngettext("%(count)d event matches.", "%(count)d events match.", total) % {"count": total})
        if dry_run or not total:
            return
        question = (
            ngettext("Read %(count)d event again?", "Read up to %(count)d events again?", total)
            if options["read_again"]
            else ngettext("Replay %(count)d event?", "Replay up to %(count)d events?", total)
        )
        if interactive and not confirmed(question % {"count": total}):
            raise CommandError(_("Nothing was replayed."))
        progress = Progress(self.stderr, total)
        if options["read_again"]:
            self._read_again(events, progress)
        else:
            self._replay(events, progress, options["receiver"], options["again"])

    def _replay(self, events: QuerySet[Event], progress: Progress, receivers: list[str] | None, again: bool) -> None:
        # All due since this moment, so that what arrives meanwhile need not wait for them.
        due_at = events.annotate(then=from_now(-wakeup.BULK_SECONDS)).values_list("then", flat=True).first()
        replayed, unknown = 0, ""
        for event in _each(events):
            try:
                replayed += bool(event.replay(receivers, again=again, due_at=due_at))
            except ValueError as error:
                unknown = str(error)  # to this event's topic; another's may know it
            progress.advance()
        progress.end()
        if unknown and not replayed:
            raise CommandError(unknown)
        audit.record("zenvia_replay_events", f"replayed {replayed} events")
        text = ngettext("Replayed %(count)d event.", "Replayed %(count)d events.", replayed)
        self.stdout.write(text % {"count": replayed})

    def _read_again(self, events: QuerySet[Event], progress: Progress) -> None:
        looked_at = understood = 0
        for event in _each(events):
            looked_at, understood = looked_at + 1, understood + read_again(event)
            progress.advance()
        progress.end()
        audit.record("zenvia_replay_events", f"understood {understood} of {looked_at} events that were read again")
        text = _("Understood now: %(understood)d of %(looked_at)d events.")
        self.stdout.write(text % {"understood": understood, "looked_at": looked_at})


def _chosen(
    *,
    status: list[str] | None,
    topic: str | None,
    account: str | None,
    since: datetime | None,
    until: datetime | None,
    read_again: bool,
    **_options: Any,
) -> QuerySet[Event]:
    return Selection(
        statuses=(Event.Status.QUARANTINED,) if read_again else tuple(status or DEFAULT),
        topic=topic or "",
        account=account or "",
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
    ).events()


def _each(events: QuerySet[Event]) -> Iterator[Event]:
    """Yield the events there are now, a batch of ids at a time, without what makes them large."""
    ids = events.order_by("-pk").values_list("pk", flat=True)
    last, after = ids.first(), 0
    while batch := list(events.filter(pk__gt=after, pk__lte=last or 0).order_by("pk").only("pk")[:BATCH]):
        yield from batch
        after = batch[-1].pk
