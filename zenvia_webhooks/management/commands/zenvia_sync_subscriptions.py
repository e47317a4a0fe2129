from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from zenvia_webhooks import subscriptions
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription


class Command(BaseCommand):
    help = "Compares pending subscriptions with what Zenvia lists, and prints what to do; --apply does it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="alias in ZENVIA_WEBHOOKS['ACCOUNTS'] (all)")
        parser.add_argument("--apply", action="store_true", help="carry the plan out")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = Subscription.objects.pending().order_by("account").values_list("account", flat=True).distinct()
        if options["account"] is not None:
            try:
                conf.account(options["account"])
            except ZenviaConfigurationError as error:
                raise CommandError(str(error)) from None
            accounts = accounts.filter(account=options["account"])
        steps: list[subscriptions.Step] = []
        failures = 0
        for account in accounts:
            try:
                steps += subscriptions.plan(account)
            except (ZenviaError, ZenviaConfigurationError) as error:
                failures += 1
                self.stderr.write(f"{account}: {error}")
        for step in steps:
            self.stdout.write(f"{step.subscription}: {step.action}. {step.reason}")
            if options["apply"]:
                self.carry_out(step)
        if failures:
            raise CommandError("Zenvia could not be asked about every account; see above.")
        if not steps:
            self.stdout.write("Nothing is pending.")
        elif not options["apply"]:
            self.stdout.write("Nothing was changed: --apply carries it out.")
        elif left := [step for step in steps if step.subscription.status != Subscription.Status.ACTIVE]:
            raise CommandError(f"{len(left)} of {len(steps)} not settled; see above.")

    def carry_out(self, step: subscriptions.Step) -> None:
        try:
            subscriptions.carry_out(step)
        except ValueError as error:
            self.stderr.write(f"  {step.subscription}: {error}")
        else:
            self.stdout.write("  " + subscriptions.describe(step.subscription))
