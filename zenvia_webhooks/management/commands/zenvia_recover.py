"""`manage.py zenvia_recover`: find what arrived at Zenvia and not here, and recover it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.timezone import now

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.listing import Listed, ObjectList
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
    help = (
        "Compare the leads, interactions and quotes that Zenvia lists with the events that are stored, and name what "
        "is missing; --apply stores it as events and hands them to receivers. What is younger than ten minutes is left "
        "to its webhook. Ends with 1 where not everything could be looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, required=True, metavar="TIME", help="such as 2026-01-31")
        parser.add_argument("--until", type=moment, metavar="TIME", help="such as 2026-01-31T12:00 (now)")
        parser.add_argument("--account", help="its alias in the settings (all that Zenvia publishes lists for)")
        parser.add_argument("--apply", action="store_true", help="store what is missing, and have receivers run for it")
        parser.add_argument("--no-input", "--noinput", action="store_false", dest="interactive", help="don't ask")

    def handle(
        self, *_args: Any, since: datetime, until: datetime | None, apply: bool, interactive: bool, **options: Any
    ) -> None:
        if since >= (until or now()):
            raise CommandError("--since must be before --until, and in the past.")
        clients = self.clients(options["account"])
        question = "Store what is missing as events, and have receivers run for it? [y/N] "
        if apply and interactive and not confirmed(question):
            raise CommandError("Nothing was recovered.")
        unfinished, missing = 0, 0
        for client in clients:
            reports = self.recover(client, since, until, apply=apply)
            unfinished += not all(report.is_whole for report in reports)
            missing += sum(report.missing for report in reports)
            if apply:
                recovered = sum(count.recovered for report in reports for count in report.counts.values())
                audit.record("zenvia_recover", f"recovered {recovered} events of the account {client.account.alias}")
        if unfinished:
            raise CommandError("Not everything could be looked at; see above.")
        if missing and not apply:
            self.stdout.write("Nothing was stored: --apply recovers what is missing.")

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
            raise CommandError("There is no account to ask Zenvia about." + " See above." * bool(without))
        return clients

    def recover(self, client: ZenviaClient, since: datetime, until: datetime | None, *, apply: bool) -> list[Report]:
        """Compare one account, and print what is found as it is found."""
        progress, shown = Progress(self.stderr, TOTAL), 0

        def advance(part: float) -> None:
            nonlocal shown
            progress.advance(int(part * TOTAL) - shown)
            shown = int(part * TOTAL)

        def name(of: ObjectList, one: Listed, event_id: int | None) -> None:
            became = "" if event_id is None else f", event #{event_id}"
            self.say(f"missing: {of.resource} {one.id} of {one.happened_at:%Y-%m-%d %H:%M:%S} UTC{became}")

        reports = []
        for report in command.recover(client, since, until, apply=apply, on_missing=name, on_progress=advance):
            progress.end()
            progress, shown = Progress(self.stderr, TOTAL), 0
            reports.append(report)
            self.show(report, apply=apply)
        if not reports:
            minutes = int(LEFT_TO_WEBHOOKS.total_seconds() // 60)
            self.stdout.write(
                f"{client.account.alias}: nothing to compare. What is younger than {minutes} minutes is left to its "
                "webhook, and what is older than RETENTION_DAYS may have been purged."
            )
        return reports

    def show(self, report: Report, *, apply: bool) -> None:
        """Print the numbers of a span, and what was not looked at."""
        self.stdout.write(f"{report.account}: {report.span}, {report.calls} calls")
        for listed, count in report.counts.items():
            recovered = f", {count.recovered} recovered" if apply else ""
            self.stdout.write(
                f"  {listed}: {count.listed} at Zenvia, {count.here} here, {count.missing} missing{recovered}"
            )
        if words := words_of(report):
            self.stderr.write(words)
