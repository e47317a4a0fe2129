"""`manage.py zenvia_recover`: find what arrived at Zenvia and not here, and recover it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.contracts.words import list_name
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.management import audit
from zenvia_webhooks.management.arguments import confirmed, moment
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress
from zenvia_webhooks.recovery import command
from zenvia_webhooks.recovery.explanation import NoListsError, words_of
from zenvia_webhooks.recovery.report import Report
from zenvia_webhooks.recovery.run import LEFT_TO_WEBHOOKS

#: Of the progress bar: hundredths.
TOTAL = 100


class Command(OwnCommand):
    help = gettext_lazy(
        "Compare the leads, interactions and quotes that Zenvia lists with the events that are stored, and name what "
        "is missing; --apply stores it as events and hands them to receivers. What is younger than ten minutes is left "
        "to its webhook. Ends with 1 where not everything could be looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, required=True, metavar="TIME", help=_("such as 2026-01-31"))
        parser.add_argument("--until", type=moment, metavar="TIME", help=_("such as 2026-01-31T12:00 (now)"))
        parser.add_argument("--account", help=_("its alias in the settings (all that Zenvia publishes lists for)"))
        parser.add_argument(
            "--apply", action="store_true", help=_("store what is missing, and have receivers run for it")
        )
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help=_("don't ask"))

    def handle(
        self, *_args: Any, since: datetime, until: datetime | None, apply: bool, interactive: bool, **options: Any
    ) -> None:
        if since >= (until or now()):
            raise CommandError(_("--since must be before --until, and in the past."))
        clients = self.clients(options["account"])
        question = _("Store what is missing as events, and have receivers run for it?")
        if apply and interactive and not confirmed(question):
            raise CommandError(_("Nothing was recovered."))
        unfinished, missing = 0, 0
        for client in clients:
            reports = self.recover(client, since, until, apply=apply)
            unfinished += not all(report.is_whole for report in reports)
            missing += sum(report.missing for report in reports)
            if apply:
                recovered = sum(count.recovered for report in reports for count in report.counts.values())
                audit.record("zenvia_recover", f"recovered {recovered} events of the account {client.account.alias}")
        if unfinished:
            raise CommandError(_("Not everything could be looked at; see above."))
        if missing and not apply:
            self.stdout.write(_("Nothing was stored: --apply recovers what is missing."))

    def clients(self, account: str | None) -> list[ZenviaClient]:
        """Return the clients to ask with; of several accounts, those of a contract without lists are left out."""
        clients, without = [], ""
        try:
            for alias in conf.aliases() if account is None else [account]:
                try:
                    clients.append(command.client_of(alias))
                except NoListsError as error:
                    without = f"{alias}: {error}"
                    self.warn(without)
        except ZenviaConfigurationError as error:
            raise CommandError(str(error)) from None
        if not clients:
            text = _("There is no account to ask Zenvia about. See above.")
            raise CommandError(text if without else _("There is no account to ask Zenvia about."))
        return clients

    def recover(self, client: ZenviaClient, since: datetime, until: datetime | None, *, apply: bool) -> list[Report]:
        """Compare one account, and print what is found as it is found."""
        progress, shown = Progress(self.stderr, TOTAL), 0

        def advance(part: float) -> None:
            nonlocal shown
            progress.advance(int(part * TOTAL) - shown)
            shown = int(part * TOTAL)

        def name(of: ObjectList, one: Listed, event_id: int | None) -> None:
            words = {"resource": of.resource, "id": one.id, "event": event_id}
            words["time"] = f"{one.happened_at:%Y-%m-%d %H:%M:%S} UTC"
            text = _("missing: %(resource)s %(id)s of %(time)s")
            stored = _("missing: %(resource)s %(id)s of %(time)s, event #%(event)d")
            self.say((text if event_id is None else stored) % words)

        reports = []
        for report in command.recover(client, since, until, apply=apply, on_missing=name, on_progress=advance):
            progress.end()
            progress, shown = Progress(self.stderr, TOTAL), 0
            reports.append(report)
            self.show(report, apply=apply)
        if not reports:
            minutes = int(LEFT_TO_WEBHOOKS.total_seconds() // 60)
            self.stdout.write(
                _(
                    "%(account)s: nothing to compare. What is younger than %(minutes)d minutes is left to its webhook, "
                    "and what is older than RETENTION_DAYS may have been purged."
                )
                % {"account": client.account.alias, "minutes": minutes}
            )
        return reports

    def show(self, report: Report, *, apply: bool) -> None:
        """Print the numbers of a span, and what was not looked at."""
        text = ngettext("%(account)s: %(span)s, %(calls)d call", "%(account)s: %(span)s, %(calls)d calls", report.calls)
        self.stdout.write(text % {"account": report.account, "span": report.span, "calls": report.calls})
        for listed, count in report.counts.items():
            words = {"name": list_name(listed), "listed": count.listed, "here": count.here}
            words |= {"missing": count.missing, "recovered": count.recovered}
            line = _("%(name)s: %(listed)d at Zenvia, %(here)d here, %(missing)d missing")
            done = _("%(name)s: %(listed)d at Zenvia, %(here)d here, %(missing)d missing, %(recovered)d recovered")
            self.stdout.write("  " + (done if apply else line) % words)
        if left := words_of(report):
            self.stderr.write(left)
