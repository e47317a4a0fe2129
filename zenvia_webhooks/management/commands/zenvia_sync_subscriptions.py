from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Container
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks import subscriptions
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.management import history
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions import Action

Status = Subscription.Status


class Command(OwnCommand):
    help = gettext_lazy("Compares subscriptions with what Zenvia lists, and prints what to do; --apply does it.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help=_("alias in ZENVIA_WEBHOOKS['ACCOUNTS'] (all)"))
        parser.add_argument("--apply", action="store_true", help=_("do what the plan says"))
        parser.add_argument(
            "--replace", action="store_true", help=_("even where that cuts off what somebody else has registered")
        )
        history.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = history.user_named(options["user"])
        unsettled, number, failures = 0, 0, 0
        approved = subscriptions.EVERYBODY if options["replace"] else ()
        for account in self.accounts(options["account"]):
            try:
                steps = subscriptions.current_plan(account)
            except (ZenviaError, ZenviaConfigurationError) as error:
                failures += 1
                self.warn(f"{account}: {subscriptions.explain(error, account)}")
                continue
            number += sum(step.action != Action.KEEP for step in steps)
            for step in steps:
                self.say(f"{step.name}: {step.action.label}. {step.reason}")
                if options["apply"] and not self.apply(step, approved, user):
                    unsettled += 1
        if failures:
            raise CommandError(_("Zenvia could not be asked about every account; see above."))
        if unsettled:
            words = {"count": unsettled, "number": number}
            raise CommandError(_("%(count)d of %(number)d not settled; see above.") % words)
        if not number:
            self.stdout.write(_("There is nothing to do."))
        elif not options["apply"]:
            self.stdout.write(_("Nothing was changed: --apply does it."))

    def accounts(self, account: str | None) -> list[str]:
        try:
            if account is None:
                return subscriptions.accounts()
            conf.account(account)
        except ZenviaConfigurationError as error:
            raise CommandError(str(error)) from None
        return [account]

    def apply(self, step: subscriptions.Step, approved: Container[str], user: Any) -> bool:
        """Do what a line says; return whether nothing is left to be done about it."""
        if step.action == Action.KEEP:
            subscriptions.record(step)
            return True
        try:
            done = subscriptions.reconcile(step.account, only=step, approved=approved)
        except subscriptions.WouldReplaceError as error:
            words = {"subscription": step.name, "error": error}
            self.warn("  " + _("%(subscription)s: %(error)s --replace does it all the same.") % words)
            return False
        except (subscriptions.SubscriptionError, ZenviaError, ZenviaConfigurationError) as error:
            self.warn(f"  {step.name}: {error}")
            return False
        row = _row_of(step)
        if done and step.action != Action.WAIT:
            _remember(user, step, row)
        if step.action == Action.REMOVE or row is None:
            return True
        self.say("  " + subscriptions.describe(row))
        # One that waits is settled by a second look.
        return row.status in (Status.ACTIVE, Status.INACTIVE) and step.action != Action.WAIT


def _row_of(step: subscriptions.Step) -> Subscription | None:
    """Return the row that a step is about, as it is now; None where there is none, or none any more."""
    rows = Subscription.objects.using(router.db_for_write(Subscription))
    if step.action == Action.ADOPT:
        return rows.filter(token=subscriptions.token_of(step.url)).first()
    return step.subscription and rows.filter(pk=step.subscription.pk).first()


def _remember(user: Any, step: subscriptions.Step, row: Subscription | None) -> None:
    kept = history.ADDITION if step.action == Action.ADOPT else history.CHANGE
    # What is removed at Zenvia and had no row has no history.
    if (changed := row or step.subscription) is not None:
        history.write(user, changed, "zenvia_sync_subscriptions --apply", kept if row else history.DELETION)
