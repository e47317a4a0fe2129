"""`manage.py zenvia_find`: where is this person's lead?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks.diagnosis import Area, diagnose
from zenvia_webhooks.diagnosis.history import last_events, moment, tell
from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import add_person
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.models import Event
from zenvia_webhooks.redaction import printable

#: How many events are told of, the newest.
MOST_TOLD = 100
#: How many quarantined events are read, the newest, and how many at a time.
MOST_READ, READ_AT_ONCE = 10_000, 100


class Command(OwnCommand):
    help = gettext_lazy(
        "Tells what became of a person's events: what came when, what each receiver did, and what comes next."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_person(parser)
        parser.add_argument(
            "--quarantined",
            action="store_true",
            help=_("look for the text in what was not understood, too, among the last %(most)d") % {"most": MOST_READ},
        )

    def handle(self, *_args: Any, text: str, quarantined: bool, **_options: Any) -> None:
        if not text.strip():
            raise CommandError(_("Give a phone number, an e-mail address or a lead's id."))
        try:
            events = Event.objects.about(text)
            found = list(events.order_by("-pk").defer("payload", "body", "headers")[:MOST_TOLD])
            total = events.count() if len(found) == MOST_TOLD else len(found)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        audit.record("zenvia_find", f"told of {total} events")
        for event in found:
            self.tell(event)
        if total > len(found):
            self.stdout.write(_("Of %(total)d events, the newest %(count)d.") % {"total": total, "count": len(found)})
        hidden = list(in_quarantine(text)) if quarantined else []
        for event in hidden:
            words = {"event": f"#{event.pk}", "received": moment(event.received_at), "account": event.account}
            line = _("%(event)s, quarantined, has this text: came on %(received)s, account %(account)s.") % words
            self.stdout.write(printable(line))
        if not found and not hidden:
            self.say_why()

    def tell(self, event: Event) -> None:
        """Print one event's sentences, the first at the margin."""
        for number, line in enumerate(tell(event)):
            self.stdout.write("  " * bool(number) + printable(line))

    def say_why(self) -> None:
        """Print that nothing was found, and what may be the reason."""
        self.stdout.write(_("No event is about that."))
        for line in last_events():
            self.stdout.write("  " + printable(line))
        for finding in diagnose([Area.SUBSCRIPTIONS]):
            self.stdout.write("  " + printable(f"{finding.text} {finding.fix}".strip()))
        count = _quarantined()[:MOST_READ].count()
        if count:
            line = ngettext(
                "%(count)d event was not understood: --quarantined looks for the text in it.",
                "%(count)d events were not understood: --quarantined looks for the text in them.",
                count,
            )
            self.stdout.write("  " + line % {"count": count})


def in_quarantine(text: str) -> Iterator[Event]:
    """Yield the quarantined events whose body has the text, newest first: as it is, as JSON writes it, as digits."""
    wanted = _spellings(text)
    pks = list(_quarantined().values_list("pk", flat=True)[:MOST_READ])
    for start in range(0, len(pks), READ_AT_ONCE):
        rows = _quarantined().filter(pk__in=pks[start : start + READ_AT_ONCE]).defer("payload", "headers")
        for event in rows:
            body = bytes(event.body).lower()
            if any(spelling in body for spelling in wanted):
                yield event


def _spellings(text: str) -> set[bytes]:
    text = text.strip().lower()
    spellings = {text, json.dumps(text)[1:-1]}
    if re.fullmatch(r"[+0-9().\s-]{8,}", text):
        spellings.add(re.sub("[^0-9]", "", text))
    return {spelling.encode(errors="replace") for spelling in spellings}


def _quarantined() -> QuerySet[Event]:
    events = Event.objects.using(router.db_for_write(Event)).of_status(Event.Status.QUARANTINED)
    return events.order_by("-pk")
