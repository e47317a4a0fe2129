"""`manage.py zenvia_send_event`: post an event to one's own webhook, the way Zenvia does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import origin_of
from zenvia_webhooks.redaction import printable
from zenvia_webhooks.sandbox.samples import KINDS
from zenvia_webhooks.subscriptions import holds
from zenvia_webhooks.test_event.samples import sample_body
from zenvia_webhooks.test_event.sending import address_of, post

DEFAULT_TOPIC = "lead.created"


class Command(OwnCommand):
    help = gettext_lazy("Post a sample event to your own webhook over real HTTP, and show what it answers.")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--topic", help=_("default: the first of --subscription's topics, else lead.created"))
        parser.add_argument("--kind", help=_("which of the topic's samples, such as outbound, image or note"))
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--subscription",
            type=int,
            metavar="ID",
            help=_("its number in the admin (default: the newest one that holds the topic)"),
        )
        where.add_argument("--url", help=_("post here instead of to a subscription's callback URL"))
        parser.add_argument(
            "--contract",
            choices=list(KINDS),
            help=_("whose envelope to send; messaging is the messaging platform's (default: that of the account)"),
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--file", type=Path, metavar="PATH", help=_("post this file's exact bytes"))
        what.add_argument(
            "--field",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help=_("put this into the object that the sample is about, as text; may be repeated"),
        )

    def handle(
        self,
        *_args: Any,
        topic: str | None,
        subscription: int | None,
        url: str | None,
        contract: str | None,
        kind: str | None,
        file: Path | None,
        field: list[str],
        **_options: Any,
    ) -> None:
        try:
            account = "default"
            if url is None:
                row = _find(subscription, topic or DEFAULT_TOPIC, contract)
                account, url = row.account, address_of(row)
                topic = topic or (row.topics[0] if subscription is not None and row.topics else None)
            body = _read(file) if file else _sample(account, contract, topic or DEFAULT_TOPIC, kind, field)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        try:
            answer = post(url, body)
        except ValueError:
            raise CommandError(_("--url must be an http:// or https:// URL.")) from None
        except ConnectionError as error:
            raise CommandError(str(error)) from None
        # Without the path, which ends in the subscription's secret.
        words = {"site": origin_of(url), "status": answer.status, "milliseconds": answer.milliseconds}
        self.stdout.write(_("%(site)s answered %(status)d in %(milliseconds)d ms") % words)
        self.stdout.write(printable(answer.excerpt))
        if not answer.ok:
            text = _("The webhook answered %(status)d: Zenvia would take the event for lost.")
            raise CommandError(text % {"status": answer.status})


def _find(subscription: int | None, topic: str, contract: str | None) -> Subscription:
    # Not from a replica, which may not have a new one yet.
    written = Subscription.objects.using(router.db_for_write(Subscription))
    if subscription is not None:
        row = written.filter(pk=subscription).first()
        if row is None:
            raise CommandError(_("There is no subscription #%(id)d.") % {"id": subscription})
        return row
    # Not in SQL: SQLite can't look into a JSON list.
    rows = written.exclude(status=Subscription.Status.INACTIVE).order_by("-created_at", "-pk")
    row = next((row for row in rows if holds(row, topic, contract)), None)
    if row is None:
        raise CommandError(
            _(
                "No subscription holds %(topic)r. Register one in the admin, under Subscriptions, or with: "
                "manage.py zenvia_register_subscription --topic %(topic)s. To post without one, give --url."
            )
            % {"topic": topic}
        )
    return row


def _sample(account: str, contract: str | None, topic: str, kind: str | None, fields: list[str]) -> bytes:
    data = {}
    for field in fields:
        key, equals, value = field.partition("=")
        if not key or not equals:
            raise CommandError(_("--field %(field)r must be KEY=VALUE.") % {"field": field})
        data[key] = value
    try:
        return sample_body(account, topic, contract=contract, kind=kind, fields=data)
    except ValueError as error:
        text = _("%(error)s Of anything else give the bytes, with --file.")
        raise CommandError(text % {"error": error}) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        words = {"path": path, "error": error.strerror}
        raise CommandError(_("Can't read %(path)s: %(error)s.") % words) from None
