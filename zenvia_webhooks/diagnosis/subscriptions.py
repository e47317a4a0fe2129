"""How our registrations at Zenvia are, and whether they are another site's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import router
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.diagnosis.events import DUE_COUNTED, TOPICS_NAMED, due
from zenvia_webhooks.diagnosis.findings import Area, Finding, Link, broken, duration, ok, warning
from zenvia_webhooks.diagnosis.recent import Recent
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.origins import origin_of
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.signals import interaction_resolved
from zenvia_webhooks.subscriptions import holds

#: A pending row younger than this may be under way.
UNDER_WAY = timedelta(minutes=1)

Status = Subscription.Status


def check_copy() -> Iterator[Finding]:
    """Look whether the database was copied from another site, and events in it are about to be handed out here."""
    here = conf.callback_base_url  # raises where it can't be read: then nothing can be told
    foreign = [row for row in _rows() if row.is_foreign]
    if not foreign:
        yield ok(Area.COPY, _("No subscription is of another site's address."))
        return
    text = _("Subscriptions are registered for %(there)s, not for %(here)s: this is a copied database, or moved.") % {
        "there": origin_of(foreign[0].registered_url),
        "here": here,
    }
    moved = _("If the site moved, register again. In a copy, leave them: they are the other site's, and still call it.")
    if not (count := len(due(DUE_COUNTED))):
        yield warning(Area.COPY, "copied-database", text, moved)
        return
    text += " " + ngettext(
        "%(count)d event is due and would be handed to your receivers here.",
        "%(count)d events are due and would be handed to your receivers here.",
        count,
    ) % {"count": count}
    stop = _("In a copy, start no worker before you have deleted the due events, which the other site has, too.")
    yield broken(Area.COPY, "copied-database", text, f"{stop} {moved}")


def check_subscriptions(read: Callable[[], Recent]) -> Iterator[Finding]:
    """Look at each registration of this site's that is meant to be there."""
    rows = _rows()
    if not rows:
        yield warning(
            Area.SUBSCRIPTIONS,
            "no-subscription",
            _("No subscription is registered: Zenvia calls nobody here."),
            _("Run: manage.py zenvia_register_subscription"),
        )
        return
    ours = [row for row in rows if not row.is_foreign]
    found = [
        *(finding for row in ours for finding in _look_at(row)),
        *_without_archives(ours),
        *_unheld_topics(ours, read()),
    ]
    yield from found or [ok(Area.SUBSCRIPTIONS, _("Every subscription is as it should be."))]


def _without_archives(rows: list[Subscription]) -> Iterator[Finding]:
    """Look whether what a consultant closes can reach this site, if it is wanted."""
    wanted = bool(interaction_resolved.connected(Event))
    for alias, account in conf.accounts.items():
        topics = {topic for row in rows if row.account == alias for topic in row.topics}
        advice = get_contract(account.contract).advice(topics, account.wire_topics, wants_resolved=wanted)
        if topics and advice:
            yield warning(
                Area.SUBSCRIPTIONS,
                "no-archives",
                f"{alias}: {advice}",
                _("Add that topic to the ones there are, in the admin or with: manage.py zenvia_change_subscription"),
            )


def _unheld_topics(rows: list[Subscription], recent: Recent) -> Iterator[Finding]:
    """Look for recent events of a topic that their subscription does not hold. Receivers get them all the same."""
    came = {(group.subscription, group.topic, group.contract) for group in recent.groups if group.topic}
    aliases = conf.aliases()
    for row in rows:
        topics = sorted({topic for pk, topic, contract in came if pk == row.pk and not holds(row, topic, contract)})
        if topics and row.account in aliases:
            yield warning(
                Area.SUBSCRIPTIONS,
                "unheld-topics",
                # What comes from outside is shown with nothing that a terminal would obey.
                _("Events came for %(subscription)s with topics that it does not hold: %(topics)s.")
                % {"subscription": f"{row} #{row.pk}", "topics": ", ".join(map(repr, topics[:TOPICS_NAMED]))},
                _("Receivers get them all the same. If Zenvia sends them, add the topics; if not, rotate the token."),
                about=f"#{row.pk}",
                link=Link(model="subscription", pk=row.pk),
            )


def _rows() -> list[Subscription]:
    rows = Subscription.objects.using(router.db_for_write(Subscription)).exclude(status=Status.INACTIVE)
    return list(rows.order_by("pk"))


def _look_at(row: Subscription) -> Iterator[Finding]:
    words, this = _words(row), _this(row)
    yield from check_registration(row)
    if row.status == Status.ACTIVE and conf.quiet_hours is not None:
        silence = (now() - (row.last_event_at or row.created_at)).total_seconds()
        if silence > conf.quiet_hours * 3600:
            yield _quiet({**words, "silence": duration(silence)}, this)


def check_registration(row: Subscription) -> Iterator[Finding]:
    """Look whether Zenvia has a registration, as far as this site knows, and whether its webhooks are stored."""
    words, this = _words(row), _this(row)
    yield from _bound(row, words, this)
    yield from _registration(row, words, this)


def _words(row: Subscription) -> dict[str, str]:
    return {"subscription": f"{row} #{row.pk}", "error": redact_tokens(row.last_error)}


def _this(row: Subscription) -> dict[str, Any]:
    return {"about": f"#{row.pk}", "link": Link(model="subscription", pk=row.pk)}


def _bound(row: Subscription, words: dict[str, str], this: dict[str, Any]) -> Iterator[Finding]:
    if row.bytes_stored_on(datetime.now(UTC).date()) >= conf.max_bytes_per_day:
        yield broken(
            Area.SUBSCRIPTIONS,
            "daily-bound",
            _("%(subscription)s has stored MAX_BYTES_PER_DAY today: until midnight, UTC, Zenvia is answered 429.")
            % words,
            _(
                "If Zenvia sends that much, raise MAX_BYTES_PER_DAY. If not, its token has leaked: rotate it, with an "
                "overlap of 0 hours. Then what comes is stored again."
            ),
            **this,
        )


def _registration(row: Subscription, words: dict[str, str], this: dict[str, Any]) -> Iterator[Finding]:
    if row.status == Status.FAILED:
        yield broken(
            Area.SUBSCRIPTIONS,
            "failed-subscription",
            _("Zenvia did not register %(subscription)s: %(error)s") % words,
            _("Put right what Zenvia says, then choose Register again on its page in the admin."),
            **this,
        )
    elif row.status == Status.MISSING:
        yield broken(
            Area.SUBSCRIPTIONS,
            "missing-subscription",
            _("Zenvia no longer lists %(subscription)s: somebody removed or replaced it.") % words,
            _("Ask who did; then run: manage.py zenvia_sync_subscriptions --apply"),
            **this,
        )
    elif row.is_ending:
        yield warning(
            Area.SUBSCRIPTIONS,
            "unconfirmed-removal",
            _("Zenvia did not confirm that %(subscription)s is removed.") % words,
            _("Run: manage.py zenvia_sync_subscriptions --apply"),
            **this,
        )
    elif row.status == Status.PENDING and now() - row.updated_at > UNDER_WAY:
        yield warning(
            Area.SUBSCRIPTIONS,
            "pending-subscription",
            _("It is not known whether Zenvia has %(subscription)s: the call broke off.") % words,
            _("Run: manage.py zenvia_sync_subscriptions --apply"),
            **this,
        )


def _quiet(words: dict[str, str], this: dict[str, Any]) -> Finding:
    return warning(
        Area.SUBSCRIPTIONS,
        "quiet-subscription",
        _("Nothing came for %(subscription)s for %(silence)s.") % words,
        _(
            "Have something happen at Zenvia and see whether it comes. If not, register it again; "
            "if that much silence is usual, raise QUIET_HOURS."
        ),
        **this,
    )
