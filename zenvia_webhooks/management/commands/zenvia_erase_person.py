"""`manage.py zenvia_erase_person`: forget a person, or hand out what is stored about them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.diagnosis.history import moment
from zenvia_webhooks.erasure.erase import Erased, erase
from zenvia_webhooks.erasure.export import export
from zenvia_webhooks.erasure.person import AmbiguousError, Person, by_text
from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import add_person, confirmed
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress
from zenvia_webhooks.models import Event
from zenvia_webhooks.redaction import printable

NAME = "zenvia_erase_person"
#: How many events are listed before the question; the others are counted.
MOST_LISTED = 100


class Command(OwnCommand):
    help = gettext_lazy(
        "Erases what events say about a person: those found by the text, and those about the leads that they name. "
        "Shows them first, and asks. --export alone serves who asks what is stored about them: say no to the question."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_person(parser)
        parser.add_argument(
            "--export", type=Path, metavar="FILE", help=_("first write all of it to a new file, as JSON")
        )
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help=_("don't ask"))

    def handle(self, *_args: Any, text: str, interactive: bool, **options: Any) -> None:
        path: Path | None = options["export"]
        try:
            person = by_text(text)
        except (AmbiguousError, ImproperlyConfigured) as error:
            raise CommandError(printable(str(error))) from None
        if not person.events:
            self.stdout.write(_("No event is about that. What was not understood: zenvia_find --quarantined"))
            return
        self.show(person)
        if path is not None:
            self.export(person, path)
        if interactive and not confirmed(_("Erase what they say? It can't be undone.")):
            if path is None:
                raise CommandError(_("Nothing was erased."))
            self.stdout.write(_("Nothing was erased."))
            return
        progress = Progress(self.stderr, len(person.events))
        erased = erase(person, lambda _event: progress.advance())
        progress.end()
        audit.record(NAME, f"erased {_ids(erased.events)}; left to their workers: {_ids(erased.marked)}")
        self.report(erased)

    def show(self, person: Person) -> None:
        """Print what will be erased: which events, by their number, and what follows."""
        events = Event.objects.using(router.db_for_write(Event)).filter(pk__in=person.events[:MOST_LISTED])
        for event in events.order_by("pk").only("topic", "status", "received_at"):
            words = (f"#{event.pk}", label(event.topic), moment(event.received_at), event.get_status_display())
            self.stdout.write(printable(" ".join(words)))
        self.stdout.write(
            _("Events: %(events)d. Leads that they name: %(leads)d. Receivers that will no longer run: %(open)d.")
            % {"events": len(person.events), "leads": person.leads, "open": person.is_open}
        )
        if person.results:
            self.stdout.write(_("Rows of your own, which stay unless a receiver of person_erased deletes them:"))
        for result in person.results:
            self.stdout.write("  " + printable(result))

    def export(self, person: Person, path: Path) -> None:
        """Write the file, and say so."""
        try:
            export(person, path)
        except OSError as error:
            raise CommandError(_("Nothing was erased: %(error)s") % {"error": error}) from None
        audit.record(NAME, f"exported {_ids(person.events)}")
        self.stdout.write(_("All of it is in %(file)s.") % {"file": path})

    def report(self, erased: Erased) -> None:
        """Print what was done, and what is left."""
        self.stdout.write(_("Erased events: %(count)d.") % {"count": len(erased.events)})
        if erased.marked:
            self.stdout.write(
                _("In a worker's hands, and erased once it is done with them: %(events)s.")
                % {"events": _ids(erased.marked)}
            )


def _ids(events: Iterable[int]) -> str:
    return ", ".join(f"#{pk}" for pk in sorted(events)) or "none"
