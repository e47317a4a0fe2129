"""Receivers that fail, and with what: an outage is seen while it lasts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zenvia_webhooks.diagnosis.findings import Area, Finding, Link, broken, count, ok, warning
from zenvia_webhooks.diagnosis.history import moment
from zenvia_webhooks.diagnosis.standing import NEWEST, OPEN, Row, Standing, read_rows
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.frames import place_of
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.redaction import first_line

AREA = Area.DELIVERIES
#: How many findings there are at most.
REPORTED = 10
#: How many names are offered for a receiver that is gone.
NAMES_OFFERED = 3


def check_deliveries() -> Iterator[Finding]:
    """Look which receivers fail, by error, and which receivers of open deliveries are gone."""
    rows = read_rows()
    is_all = len(rows) < NEWEST
    found = [*_failing([row for row in rows if not row.is_unconnected], is_all), *_gone(rows)]
    found.sort(key=lambda finding: finding.severity)  # by the alphabet, "broken" comes before "warning"
    yield from found[:REPORTED] or [ok(AREA, _("No receiver fails."))]


def _failing(rows: Iterable[Row], is_all: bool) -> Iterator[Finding]:
    by_receiver: dict[str, Standing] = {}
    for row in rows:
        by_receiver.setdefault(row.receiver, Standing(receiver=row.receiver)).rows.append(row)
    for_all = _that_fail_for_all(by_receiver.values())
    groups = [
        (name in for_all, standing.percentage(len(group)), group)
        for name, standing in by_receiver.items()
        for group in standing.groups(with_first_failures=name in for_all)
    ]
    groups.sort(key=lambda one: not one[0])
    reported = [
        (fails_for_all, percentage, group, _first(group)) for fails_for_all, percentage, group in groups[:REPORTED]
    ]
    known = _known_of(first.pk for *_others, first in reported)
    for fails_for_all, percentage, group, first in reported:
        yield _failing_with(group, first, known.get(first.pk, {}), percentage, fails_for_all, is_all)


def _that_fail_for_all(standings: Iterable[Standing]) -> set[str]:
    """Return the receivers that had no success since the newest event that they fail for came in."""
    possible = {one.receiver: one for one in standings if one.may_fail_for_all}
    newest = {name: one.failing_in_a_row[0].event for name, one in possible.items()}
    events = Event.objects.using(router.db_for_write(Event)).filter(pk__in=newest.values())
    received_at = dict(events.values_list("pk", "received_at")) if newest else {}
    found = set()
    for name, one in possible.items():
        since, last = received_at.get(newest[name]), one.last_success
        if last is None or since is None or last <= since:
            found.add(name)
    return found


def _first(group: list[Row]) -> Row:
    """Return the one to look at first."""
    return min(group, key=lambda row: row.event)


def _known_of(pks: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return delivery → when its event was `received`, and its receiver's `place`, such as `shop/receivers.py:12`."""
    rows = Delivery.objects.using(router.db_for_write(Delivery)).filter(pk__in=list(pks))
    columns = rows.values_list("pk", "event__received_at", "traceback")
    return {pk: {"received": moment(received), "place": place_of(frames)} for pk, received, frames in columns}


def _failing_with(
    group: list[Row], first: Row, known: dict[str, str], percentage: int, fails_for_all: bool, is_all: bool
) -> Finding:
    words = {
        "receiver": first.receiver,
        "error": first.error_class,
        "count": count(len(group), is_all=is_all),
        "percentage": percentage,
        "event": first.event,
        "named": shlex.quote(first.receiver),
        "received": "",
        "place": "",
        **known,
    }
    return (broken if fails_for_all else warning)(
        AREA,
        "failing-receiver",
        _what_fails(len(group), fails_for_all) % words,
        _what_to_do(is_placed=bool(words["place"])) % words,
        detail=first_line(first.error),
        about=f"{first.receiver} {first.error_class}",
        link=Link(model="event", receiver=first.receiver),
    )


def _what_fails(number: int, fails_for_all: bool) -> str:
    if fails_for_all:
        return ngettext(
            "%(receiver)s fails for every event that comes: %(count)s delivery with %(error)s, %(percentage)d %% of "
            "the last hour's.",
            "%(receiver)s fails for every event that comes: %(count)s deliveries with %(error)s, %(percentage)d %% of "
            "the last hour's.",
            number,
        )
    return ngettext(
        "%(receiver)s failed twice or more for %(count)s delivery with %(error)s, %(percentage)d %% of the last "
        "hour's.",
        "%(receiver)s failed twice or more for %(count)s deliveries with %(error)s, %(percentage)d %% of the last "
        "hour's.",
        number,
    )


def _what_to_do(*, is_placed: bool) -> str:
    if is_placed:
        looking = _("Look at event #%(event)d first, which came on %(received)s: it broke at %(place)s.")
    else:
        looking = _("Look at event #%(event)d first, which came on %(received)s.")
    mending = _(
        "Mend it, restart the worker if it was in your code, then have all of them tried again: in the admin, or with "
        "manage.py zenvia_replay_events --receiver %(named)s"
    )
    return f"{looking} {mending}"


def _gone(rows: list[Row]) -> Iterator[Finding]:
    """Yield a finding for each receiver that open deliveries wait for and that is connected in no worker."""
    worker = heartbeat.last(heartbeat.WORKER)
    connected = worker.receivers if worker else []
    open_ones = [row for row in rows if row.is_unconnected and row.receiver not in connected]
    for name in dict.fromkeys(row.receiver for row in open_ones):
        group = [row for row in open_ones if row.receiver == name]
        oldest = min(row.pk for row in group)
        had_some = {row.receiver for row in rows if row.pk < oldest}
        yield _gone_one(group, [new for new in connected if new not in had_some][:NAMES_OFFERED])


def _gone_one(group: list[Row], new: list[str]) -> Finding:
    name = group[0].receiver
    words = {
        "receiver": name,
        "count": count(len(group), is_all=len(group) < OPEN),
        "event": min(row.event for row in group),
        "new": ", ".join(new),
    }
    text = ngettext(
        "%(receiver)s is connected in no worker, and %(count)s delivery waits for it.",
        "%(receiver)s is connected in no worker, and %(count)s deliveries wait for it.",
        len(group),
    )
    if new:
        fix = _(
            "Was it renamed to %(new)s? Give that one dispatch_uid='%(receiver)s' and restart the worker, or replay to "
            "the new name: manage.py zenvia_replay_events --status retrying --status failed --receiver NAME"
        )
    else:
        fix = _("Connect it again and restart the worker. If it was renamed, give it dispatch_uid='%(receiver)s'.")
    link = Link(model="event", receiver=name)
    return warning(AREA, "gone-receiver", text % words, fix % words, about=name, link=link)
