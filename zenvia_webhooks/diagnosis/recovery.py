"""For accounts with RECOVER: when what Zenvia lists was last compared, and with what result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import router
from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.words import list_name
from zenvia_webhooks.diagnosis.findings import Area, Finding, duration, ok, warning
from zenvia_webhooks.models import Recovery, Subscription, TaskRun
from zenvia_webhooks.recovery.explanation import NoListsError
from zenvia_webhooks.recovery.memory import find
from zenvia_webhooks.schedule import RECOVER_TASK

AREA = Area.RECOVERY
#: Seconds after which the hourly comparison is late.
LATE = 3 * 3600
#: Seconds until the first one must have come, with time for a worker to begin.
AN_HOUR = 3600 + 300


def check_recovery() -> Iterator[Finding]:
    """Say of each account with RECOVER when it was last whole."""
    accounts = [account for account in conf.accounts.values() if account.recover]
    yield from map(_look, accounts)
    if not accounts:
        yield ok(AREA, _("No account has RECOVER: nothing is compared with what Zenvia lists."))


def _look(account: Account) -> Finding:
    if not get_contract(account.contract).LISTS:
        fix = _("Take RECOVER out of the account, or change its CONTRACT.")
        return warning(AREA, "no-lists", f"{account.alias}: {NoListsError(account.contract)}", fix)
    row = find(account.alias, Recovery.Runner.TASK)
    since = _("Look for it now: manage.py zenvia_recover --since TIME.")
    if row is None:
        return _never(account.alias)
    words = {"account": account.alias, "numbers": numbers(row), "until": duration((now() - row.until).total_seconds())}
    if row.error:
        text = _("%(account)s: the last comparison with Zenvia is not whole: %(error)s")
        return warning(AREA, "recovery-not-whole", text % {**words, "error": " ".join(row.error.split("\n"))}, since)
    if (now() - (row.whole_until or row.started_at)).total_seconds() > LATE:
        text = _("%(account)s: compared with Zenvia up to %(until)s ago and not since.")
        return warning(AREA, "recovery-late", text % words, _("See that beat and a worker run.") + " " + since)
    if row.finished_at is None:
        return ok(AREA, _("%(account)s: being compared with Zenvia: %(numbers)s.") % words)
    return ok(AREA, _("%(account)s: compared with Zenvia up to %(until)s ago: %(numbers)s.") % words)


def _never(account: str) -> Finding:
    if _may_still_come(account):
        text = _("%(account)s: not compared with Zenvia yet. Beat has it done for the first time within the hour.")
        return ok(AREA, text % {"account": account})
    fix = _("Merge BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE, restart beat, and wait an hour.")
    return warning(AREA, "never-recovered", _("%(account)s: not compared with Zenvia yet.") % {"account": account}, fix)


def _may_still_come(account: str) -> bool:
    """Tell whether beat has not had its hour: since the task's last run, or since the account is there."""
    an_hour_ago = now() - timedelta(seconds=AN_HOUR)
    runs = TaskRun.objects.using(router.db_for_write(TaskRun))
    if runs.filter(task=RECOVER_TASK, started_at__gte=an_hour_ago).exists():
        return True
    subscriptions = Subscription.objects.using(router.db_for_write(Subscription)).filter(account=account)
    return not subscriptions.filter(created_at__lt=an_hour_ago).exists()


def numbers(row: Recovery) -> str:
    """Return how many of what Zenvia lists are here, such as "412 of 412 leads"."""
    found = [
        _("%(here)d of %(listed)d %(name)s")
        % {"here": count["here"] + count["recovered"], "listed": count["listed"], "name": list_name(name)}
        for name, count in row.counts.items()
    ]
    return ", ".join(found) or _("nothing yet")
