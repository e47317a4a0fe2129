from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Container
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks import subscriptions
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.diagnosis import Area, Severity, diagnose
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.management import history
from zenvia_webhooks.management.arguments import plain
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.topics import topic
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.redaction import printable, redact_tokens

#: Seconds between two looks at the table.
LOOK_INTERVAL = 0.5


class Command(OwnCommand):
    help = gettext_lazy(
        "Registers this site's webhook at Zenvia: one subscription for each topic, where there is none yet."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default="default", help=_("alias in ZENVIA_WEBHOOKS['ACCOUNTS'] (default)"))
        parser.add_argument(
            "--topic",
            action="append",
            type=topic,
            metavar="TOPIC",
            help=_("such as lead.created; repeatable (all known ones)"),
        )
        parser.add_argument(
            "--replace", action="store_true", help=_("even where that cuts off what somebody else has registered")
        )
        parser.add_argument("--wait", action="store_true", help=_("then print the first real event as it arrives"))
        parser.add_argument(
            "--timeout", type=float, default=None, metavar="SECONDS", help=_("wait no longer than this")
        )
        parser.add_argument(
            "--no-probe",
            action="store_false",
            dest="probe",
            help=_("register even if this machine can't reach the callback URL"),
        )
        history.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        account, user = options["account"], history.user_named(options["user"])
        latest = _events().order_by("pk").values_list("pk", flat=True).last() or 0
        try:
            topics = options["topic"] or list(get_contract(conf.account(account).contract).TOPICS)
            wire = subscriptions.wire_names(account)
            if advice := subscriptions.advice(account, topics):
                self.warn(advice)
            if options["probe"] and not _active(account).issuperset(map(wire, topics)):
                self.look()
            rows, new = subscriptions.add_missing(account, topics)
        except (subscriptions.SubscriptionError, ZenviaConfigurationError) as error:
            raise CommandError(printable(str(error))) from None
        active = [row for row in rows if row.status == Subscription.Status.ACTIVE]
        for row in active:
            text = _("%(subscription)s: registered already as %(id)s.")
            manual = _("%(subscription)s: registered already, manually.")
            self.say((text if row.remote_id else manual) % {"subscription": row, "id": row.remote_id})
        done = {wire(topic) for row in active for topic in row.topics}
        approved = subscriptions.EVERYBODY if options["replace"] else ()
        for row in [*rows, *new]:
            verb = subscriptions.register if row in new else subscriptions.register_again
            # What failed once and was registered anew since is left alone.
            if not done.issuperset(map(wire, row.topics)):
                is_active = self.register(row, verb, approved)
                flag = history.ADDITION if row in new else history.CHANGE
                history.write(user, row, "zenvia_register_subscription", flag)
                if is_active:
                    active.append(row)
                    done.update(map(wire, row.topics))
        if left := [topic for topic in dict.fromkeys(topics) if wire(topic) not in done]:
            raise CommandError(_("Not registered: %(topics)s; see above.") % {"topics": ", ".join(map(label, left))})
        if options["wait"]:
            self.wait(active, latest, options["timeout"])

    def look(self) -> None:
        """See that the callback URL leads to this site, as the doctor does. Raises CommandError."""
        faults = [finding for finding in diagnose([Area.CALLBACK]) if finding.severity == Severity.BROKEN]
        for fault in faults:
            self.warn(fault.text)
            self.warn(fault.fix)
        if faults:
            raise CommandError(
                _("Nothing was registered: Zenvia would not reach this site. --no-probe registers all the same.")
            )

    def register(self, row: Subscription, verb: Callable[..., None], approved: Container[str]) -> bool:
        try:
            words = {"subscription": row, "url": redact_tokens(row.callback_url)}
            self.say(_("%(subscription)s: registering %(url)s ...") % words)
            verb(row, approved=approved)
        except subscriptions.WouldReplaceError as error:
            words = {"subscription": row, "error": error}
            self.warn(_("%(subscription)s: %(error)s --replace does it all the same.") % words)
            return False
        except (subscriptions.SubscriptionError, ZenviaConfigurationError) as error:
            self.warn(f"{row}: {error}")
            return False
        is_active = row.status == Subscription.Status.ACTIVE
        (self.say if is_active else self.warn)(subscriptions.describe(row))
        return is_active

    def wait(self, rows: list[Subscription], latest: int, timeout: float | None) -> None:
        self.stdout.write(_("Waiting for the first event; Ctrl-C ends it."))
        # One that this site sends itself shows nothing of Zenvia.
        real = _events().exclude(origin=Event.Origin.TEST)
        events = real.filter(subscription__in=[row.pk for row in rows]).order_by("pk")
        begun = time.monotonic()
        try:
            while (event := events.filter(pk__gt=latest).first()) is None:
                if timeout is not None and time.monotonic() > begun + timeout:
                    raise CommandError(_("No event within %(seconds)s s.") % {"seconds": plain(timeout)})
                time.sleep(LOOK_INTERVAL)
        except KeyboardInterrupt:
            raise CommandError(_("No event yet.")) from None
        self.say(
            _("%(event)s: received on %(time)s, %(status)s.")
            % {
                "event": event,
                "time": date_format(localtime(event.received_at), "DATETIME_FORMAT"),
                "status": event.get_status_display(),
            }
        )


def _active(account: str) -> set[str]:
    """Return the topics, as Zenvia names them, of an account's active subscriptions."""
    rows = Subscription.objects.using(router.db_for_write(Subscription)).of_this_site(account)
    wire = subscriptions.wire_names(account)
    return {wire(topic) for row in rows if row.status == Subscription.Status.ACTIVE for topic in row.topics}


def _events() -> QuerySet[Event]:
    # Not from a replica: one that is behind would have an old event look new.
    return Event.objects.using(router.db_for_write(Event))
