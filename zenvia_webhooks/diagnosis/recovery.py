"""For accounts with RECOVER: when what Zenvia lists was last compared, and with what result."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.words import list_name
from zenvia_webhooks.diagnosis.findings import Area, Finding, duration, ok, warning
from zenvia_webhooks.models import Recovery
from zenvia_webhooks.recovery.explanation import NoListsError
from zenvia_webhooks.recovery.memory import find

AREA = Area.RECOVERY
#: Seconds after which the hourly comparison is late.
LATE = 3 * 3600


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
        fix = _("Merge BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE and wait an hour.")
        return warning(
            AREA, "never-recovered", _("%(account)s: not compared with Zenvia yet.") % {"account": account.alias}, fix
        )
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


def numbers(row: Recovery) -> str:
    """Return how many of what Zenvia lists are here, such as "412 of 412 leads"."""
    found = [
        _("%(here)d of %(listed)d %(name)s")
        % {"here": count["here"] + count["recovered"], "listed": count["listed"], "name": list_name(name)}
        for name, count in row.counts.items()
    ]
    return ", ".join(found) or _("nothing yet")
