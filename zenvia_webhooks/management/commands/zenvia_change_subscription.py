from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks import subscriptions
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.management import history
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.topics import topic
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.redaction import printable


class Command(OwnCommand):
    help = gettext_lazy("Changes one subscription, at Zenvia too: its topics, its token, or whether there is one.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help=_("number of the row, as the admin and the plan show it"))
        verb = parser.add_mutually_exclusive_group(required=True)
        verb.add_argument(
            "--topic",
            action="append",
            type=topic,
            metavar="TOPIC",
            help=_("all that it is to hold; repeatable"),
        )
        verb.add_argument("--rotate", action="store_true", help=_("give it a new token"))
        verb.add_argument("--deactivate", action="store_true", help=_("remove it at Zenvia, and keep the row"))
        verb.add_argument(
            "--delete", action="store_true", help=_("remove it at Zenvia, and the row too; its events stay")
        )
        parser.add_argument(
            "--overlap-hours",
            type=_hours,
            default=subscriptions.OVERLAP,
            metavar="HOURS",
            help=_("how long the previous token stays good after a rotation (24)"),
        )
        parser.add_argument(
            "--replace", action="store_true", help=_("even where that cuts off what somebody else has registered")
        )
        history.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            row = Subscription.objects.using(router.db_for_write(Subscription)).get(pk=options["id"])
        except Subscription.DoesNotExist:
            raise CommandError(_("There is no subscription #%(id)d.") % {"id": options["id"]}) from None
        name, user = str(row), history.user_named(options["user"])
        try:
            left_to_do = self.change(row, options)
        except subscriptions.WouldReplaceError as error:
            words = {"subscription": name, "error": error}
            raise CommandError(
                printable(_("%(subscription)s: %(error)s --replace does it all the same.") % words)
            ) from None
        except (subscriptions.SubscriptionError, ZenviaConfigurationError) as error:
            raise CommandError(printable(f"{name}: {error}")) from None
        done = next(verb for verb in ("topic", "rotate", "deactivate", "delete") if options[verb])
        flag = history.DELETION if done == "delete" else history.CHANGE
        history.write(user, row, f"zenvia_change_subscription --{done}", flag)
        if left_to_do:
            self.warn(left_to_do)
        if options["delete"]:
            self.say(_("Subscription %(subscription)s: deleted.") % {"subscription": name})
            return
        self.say(subscriptions.describe(row))
        if not options["deactivate"] and (row.status != Subscription.Status.ACTIVE or row.last_error):
            raise CommandError(_("It is not as it should be; see above."))

    def change(self, row: Subscription, options: dict[str, Any]) -> str:
        """Do what was asked; return what is left for a person to do."""
        approved = subscriptions.EVERYBODY if options["replace"] else ()
        if options["deactivate"]:
            return subscriptions.deactivate(row, approved=approved)
        if options["delete"]:
            return subscriptions.delete(row, approved=approved)
        if options["rotate"]:
            subscriptions.rotate(row, overlap=options["overlap_hours"], approved=approved)
        else:
            subscriptions.change_topics(row, options["topic"], approved=approved)
        return ""


def _hours(value: str) -> timedelta:
    try:
        hours = timedelta(hours=float(value))
    except (ValueError, OverflowError):
        hours = timedelta(-1)
    if not timedelta(0) <= hours <= timedelta(days=366):
        raise ArgumentTypeError(_("%(hours)r is no number of hours between 0 and a year.") % {"hours": value})
    return hours
