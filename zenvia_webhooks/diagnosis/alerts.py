"""What is wrong, mailed to the site's `MANAGERS`: at most one mail a kind and hour, without personal data."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.mail import mail_managers
from django.db import connections, router
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from zenvia_webhooks.client.transport import within
from zenvia_webhooks.conf import conf
from zenvia_webhooks.diagnosis.examination import verdict
from zenvia_webhooks.diagnosis.findings import Area, Finding, Severity
from zenvia_webhooks.models import TaskRun
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.redaction import clean

logger = logging.getLogger(__name__)

#: The kinds of findings that are mailed, and the areas that they are in.
KINDS = frozenset(
    {
        "failing-receiver",
        "gone-receiver",
        "quarantined-events",
        "daily-bound",
        "failed-subscription",
        "missing-subscription",
        "quiet-subscription",
    }
)
AREAS = (Area.DELIVERIES, Area.EVENTS, Area.SUBSCRIPTIONS)

#: `TaskRun.task` of the row that remembers the last mail of a kind: when it was sent, and what it was about.
REMEMBERED = "zenvia_webhooks.send_alerts: "
#: Between two mails of a kind.
INTERVAL = timedelta(hours=1)
#: After which what is broken is mailed again, although it is no news.
REMINDER = timedelta(days=1)
#: After which a mail that could not be sent is tried again.
TRIED_AGAIN = timedelta(minutes=10)
#: Seconds that the mail server has: it must not keep a worker from its events.
SECONDS = 10
MAX_SUBJECT = 150
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def send() -> int:
    """Mail what is news, and once a day what is still broken; return how many mails were sent."""
    if not conf.alerts or not settings.MANAGERS:
        return 0
    sent = 0
    with override(settings.LANGUAGE_CODE):
        found = _found()
        _forget_what_is_over(found)
        for kind, findings in found.items():
            sent += _send(kind, findings)
    return sent


def _found() -> dict[str, list[Finding]]:
    """Return what is to be mailed, by kind."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in verdict(AREAS).problems:
        if finding.id in KINDS:
            found[finding.id].append(finding)
    return found


def _forget_what_is_over(kinds: Collection[str]) -> None:
    """Have what is over be news if it comes back."""
    over = [REMEMBERED + kind for kind in KINDS.difference(kinds)]
    _rows().filter(task__in=over).exclude(note="").update(note="")


def _send(kind: str, findings: Sequence[Finding]) -> bool:
    """Send one mail, if it is time for it and nobody else sends it; tell whether it was sent."""
    rows = _rows().filter(task=REMEMBERED + kind)
    if not rows.exists():
        _rows().bulk_create([TaskRun(task=REMEMBERED + kind, started_at=NEVER)], ignore_conflicts=True)
    last = rows.annotate(now=DatabaseNow()).values_list("started_at", "note", "now").first()
    if last is None:
        return False
    sent_at, note, now = last
    if not _is_due(findings, now - sent_at, note.splitlines()):
        return False
    # Of two workers that have come so far, one changes the row.
    if not rows.filter(started_at=sent_at).update(started_at=now):
        return False
    if (failure := within(SECONDS, lambda: _mail(findings))) is not None:
        why = "manage.py sendtestemail --managers shows why"
        logger.error("an alert about %s could not be mailed: %s; %s", kind, failure, why)
        rows.update(started_at=now - INTERVAL + TRIED_AGAIN)
        return False
    rows.update(note="\n".join(finding.about for finding in findings))
    return True


def _is_due(findings: Sequence[Finding], age: timedelta, told_of: Collection[str]) -> bool:
    """Tell whether there is news that may be sent, or a reminder of what is broken; `age` is the last mail's."""
    if age < INTERVAL:
        return False
    is_news = not {finding.about for finding in findings}.issubset(told_of)
    is_broken = any(finding.severity == Severity.BROKEN for finding in findings)
    return is_news or (is_broken and age >= REMINDER)


def _mail(findings: Sequence[Finding]) -> None:
    subject = clean(findings[0].text)
    if len(subject) > MAX_SUBJECT:
        subject = subject[: MAX_SUBJECT - 1] + "…"
    # Without `detail`, which may hold what is personal.
    lines = [f"{clean(finding.text)}\n{clean(finding.fix)}\n" for finding in findings]
    site = host_of(conf.callback_base_url or "")
    end = _(
        "More: manage.py zenvia_doctor, and the events in the admin. One message of this kind is sent in an hour at "
        "most; ZENVIA_WEBHOOKS['ALERTS'] = False ends them."
    )
    try:
        mail_managers(f"{site}: {subject}" if site else subject, "\n".join([*lines, end]))
    finally:
        # This thread's own, which a backend that writes mails to the database has opened.
        connections.close_all()


def _rows() -> QuerySet[TaskRun]:
    return TaskRun.objects.using(router.db_for_write(TaskRun))
