from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zenvia_webhooks import subscriptions
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription


class Command(BaseCommand):
    help = "Compares subscriptions with what Zenvia lists, and prints what to do; --apply does it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="alias in ZENVIA_WEBHOOKS['ACCOUNTS'] (all)")
        parser.add_argument("--apply", action="store_true", help="carry the plan out")
        parser.add_argument(
            "--replace", action="store_true", help="even where that cuts off what somebody else has registered"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        unsettled, number, failures = 0, 0, 0
        for account in self.accounts(options["account"]):
            try:
                comparison = subscriptions.compare(account)
            except (ZenviaError, ZenviaConfigurationError) as error:
                failures += 1
                self.stderr.write(f"{account}: {subscriptions.explain(error, account)}")
                continue
            number += len(comparison.steps)
            for line in comparison.lines:
                self.stdout.write(f"{line.name}: {line.action}. {line.reason}")
                if options["apply"] and not self.carry_out(line, replace=options["replace"]):
                    unsettled += 1
        if failures:
            raise CommandError("Zenvia could not be asked about every account; see above.")
        if unsettled:
            raise CommandError(f"{unsettled} of {number} not settled; see above.")
        if not number:
            self.stdout.write("There is nothing to do.")
        elif not options["apply"]:
            self.stdout.write("Nothing was changed: --apply carries it out.")

    def accounts(self, account: str | None) -> list[str]:
        try:
            if account is None:
                return subscriptions.accounts()
            conf.account(account)
        except ZenviaConfigurationError as error:
            raise CommandError(str(error)) from None
        return [account]

    def carry_out(self, line: subscriptions.Step, *, replace: bool) -> bool:
        """Do what a line says; return whether nothing is left to be done about it."""
        try:
            subscriptions.carry_out(line, replace=replace)
        except subscriptions.WouldReplaceError as error:
            self.stderr.write(f"  {line.name}: {error} --replace does it all the same.")
            return False
        except (ValueError, subscriptions.StillRegisteredError, ZenviaError, ZenviaConfigurationError) as error:
            self.stderr.write(f"  {line.name}: {error}")
            return False
        if line.action in (subscriptions.Action.KEEP, subscriptions.Action.REMOVE) or line.subscription is None:
            return True
        row = Subscription.objects.get(pk=line.subscription.pk)
        self.stdout.write("  " + subscriptions.describe(row))
        # One that waits is settled by a second look.
        return row.status == Subscription.Status.ACTIVE and line.action != subscriptions.Action.WAIT
