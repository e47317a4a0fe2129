"""Our rows beside Zenvia's list: what each line means, and what is to be done about it. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.absence import has_events, is_absent
from zenvia_webhooks.subscriptions.description import ago
from zenvia_webhooks.subscriptions.ownership import (
    is_elsewhere,
    is_of,
    is_of_this_site,
    match,
    owner,
    token_of,
)
from zenvia_webhooks.subscriptions.plan import Action, Comparison, Kind, Step

Status = Subscription.Status


def compare(account: str) -> Comparison:
    """Compare an account's rows with Zenvia's list. Changes nothing.

    Raises ZenviaError and ZenviaConfigurationError.
    """
    client = ZenviaClient(account)
    # The list first: a row is committed before its call, so whatever is listed has its row by now, if it ever will.
    listed = client.list_subscriptions()
    rows = list(Subscription.objects.filter(account=account).order_by("pk"))
    matches = {row.pk: match(row, listed, client) for row in rows}
    lines: list[Step] = []
    for row in rows:
        if is_elsewhere(row):
            lines.append(_elsewhere(row, matches[row.pk]))
        elif row.status != Status.INACTIVE:
            its = [remote for remote in listed if is_of(row, remote)]
            lines.append(_line(row, matches[row.pk], its))
    seen = {line.remote.id for line in lines if line.remote}
    held = _held(lines, client)
    for remote in listed:
        if remote.id in seen:
            continue
        with_url = [row for row in rows if is_of(row, remote) and is_of_this_site(row)]
        owned_by = with_url[0] if with_url else owner(remote)
        if _is_needed(owned_by, account, matches):
            continue
        is_held = {*map(client.wire_topic, remote.topics)} <= held
        lines.append(_without_row(account, remote, owned_by, is_held=is_held))
    held = _held(lines, client)
    return Comparison(account=account, lines=[_unless_held(line, held, client) for line in lines])


def _line(row: Subscription, remote: RemoteSubscription | None, its: Sequence[RemoteSubscription]) -> Step:
    kind, action, reason = _verdict(row, remote, its)
    return Step(
        account=row.account,
        kind=kind,
        action=action,
        reason=reason,
        subscription=row,
        remote=remote,
        is_alone=len(its) == 1,
    )


def _verdict(
    row: Subscription, remote: RemoteSubscription | None, its: Sequence[RemoteSubscription]
) -> tuple[Kind, Action, str]:
    if remote is not None:
        is_settled = row.status == Status.ACTIVE and row.remote_id == remote.id and row.absent_since is None
        is_clean = not row.previous_url or len(its) > 1
        return Kind.OURS, Action.KEEP if is_settled and is_clean else Action.ACTIVATE, _("Zenvia lists it.")
    if row.status == Status.PENDING:
        if is_absent(row):
            return Kind.PENDING, Action.REGISTER, _("Zenvia has not listed it for a minute.")
        return (
            Kind.PENDING,
            Action.WAIT,
            _("Zenvia does not list it yet. A call may be under way: look again in a minute."),
        )
    if row.status == Status.FAILED:
        return Kind.PENDING, Action.KEEP, _("Zenvia refused it. Register it again once the reason is gone.")
    if row.is_by_hand:
        return Kind.MISSING, Action.KEEP, _("Registered by hand; this API key does not list it.")
    if row.status in (Status.ACTIVE, Status.MISSING) and its:
        return (
            Kind.CHANGED,
            Action.REGISTER,
            _("Zenvia lists it with other topics: %(topics)s.") % {"topics": ", ".join(its[0].topics)},
        )
    return _unlisted(row)


def _unlisted(row: Subscription) -> tuple[Kind, Action, str]:
    if row.last_event_at is not None and has_events(row):
        reason = _("Not listed by this API key, last event %(ago)s: it is alive.") % {"ago": ago(row.last_event_at)}
        return Kind.MISSING, Action.KEEP if row.status == Status.ACTIVE else Action.ACTIVATE, reason
    if row.status == Status.MISSING or is_absent(row):
        return Kind.MISSING, Action.REGISTER, _("Zenvia no longer lists it, and no events come through it.")
    return Kind.MISSING, Action.WAIT, _("Zenvia does not list it now: look again in a minute.")


def _elsewhere(row: Subscription, remote: RemoteSubscription | None) -> Step:
    reason = _("Registered for another site, %(host)s: left alone. Deactivate the row here, or replace it.")
    return Step(
        account=row.account,
        kind=Kind.STRANGER,
        action=Action.KEEP,
        reason=reason % {"host": host_of(row.registered_url)},
        subscription=row,
        remote=remote,
    )


def _is_needed(row: Subscription | None, account: str, matches: Mapping[int, RemoteSubscription | None]) -> bool:
    """Tell whether a row's subscription is what it has at Zenvia until another is seen: after or during a change."""
    if row is None or row.account != account or row.status == Status.INACTIVE:
        return False
    return matches[row.pk] is None


def _held(lines: Sequence[Step], client: ZenviaClient) -> set[str]:
    """Return the wire topics that Zenvia sends to this site, or will once it is adopted."""
    theirs = (line.remote for line in lines if line.remote and line.kind in (Kind.OURS, Kind.ADOPTABLE))
    return {client.wire_topic(topic) for remote in theirs for topic in remote.topics}


def _unless_held(line: Step, held: set[str], client: ZenviaClient) -> Step:
    """Return a line, but register nothing whose topics come through another subscription."""
    row = line.subscription
    if line.kind != Kind.MISSING or line.action != Action.REGISTER or row is None:
        return line
    if not {*map(client.wire_topic, row.topics)} <= held:
        return line
    action = Action.LOSE if row.status == Status.ACTIVE else Action.KEEP
    reason = _("Zenvia no longer lists it; its topics come through another. Delete it.")
    return replace(line, action=action, reason=reason)


def _without_row(account: str, remote: RemoteSubscription, row: Subscription | None, *, is_held: bool) -> Step:
    """Return the line of a subscription at Zenvia that is not what any row stands for; `row` has its URL."""
    host = host_of(remote.callback_url)
    if row is None and token_of(remote.callback_url) is None:
        kind, action, reason = Kind.STRANGER, Action.KEEP, _("It calls another site, %(host)s.") % {"host": host}
    elif row is None and is_held:
        kind, action = Kind.EXTRA, Action.REMOVE
        reason = _("It calls this site under a token that no row has; its topics come through another.")
    elif row is None:
        kind, action = Kind.ADOPTABLE, Action.ADOPT
        reason = _("It calls this site under a token that no row has: its events are refused.")
    elif row.account != account:
        kind, action = Kind.OURS, Action.KEEP
        reason = _("It belongs to #%(pk)s, of the account %(account)s.") % {"pk": row.pk, "account": row.account}
    else:
        kind, action = Kind.EXTRA, Action.REMOVE
        reason = _("It calls #%(pk)s, which does not need it.") % {"pk": row.pk}
    return Step(account=account, kind=kind, action=action, reason=reason, subscription=row, remote=remote)
