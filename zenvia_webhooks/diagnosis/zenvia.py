"""What Zenvia lists, beside our subscriptions."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import conf
from zenvia_webhooks.diagnosis.findings import Area, Finding, broken, ok, warning
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions import Action, Kind, Step, current_plan
from zenvia_webhooks.subscriptions.evidence import has_events

AREA = Area.ZENVIA


def check_zenvia() -> Iterator[Finding]:
    """Compare with what Zenvia lists; of each row that is reported already, nothing is said again."""
    lines = [line for alias in _with_key() for line in current_plan(alias)]
    found = [finding for line in lines for finding in _read(line)]
    yield from found or [ok(AREA, _("Zenvia's list agrees with the subscriptions here."))]


def _with_key() -> list[str]:
    return [alias for alias, account in conf.accounts.items() if account.api_key is not None]


def _read(line: Step) -> Iterator[Finding]:
    row = line.subscription
    if line.action == Action.KEEP or (row is not None and row.status != Subscription.Status.ACTIVE):
        return
    if line.kind == Kind.MISSING and row is not None and has_events(row, now()):
        return  # another key's list has it
    text = f"{line.name}: {line.reason}"
    fix = _("See what must be done: manage.py zenvia_sync_subscriptions. Then run it with --apply.")
    if line.kind == Kind.MISSING and line.action == Action.WAIT:
        yield warning(AREA, "unlisted-subscription", text, fix)
    elif line.kind in (Kind.MISSING, Kind.CHANGED):
        yield broken(AREA, f"{line.kind}-subscription", text, fix)
    elif line.kind in (Kind.EXTRA, Kind.ADOPTABLE):
        yield warning(AREA, f"{line.kind}-subscription", text, fix)
