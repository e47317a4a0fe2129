"""Our rows beside Zenvia's list: what each line means, and what must be done about it. Changes nothing, asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.evidence import has_events, is_absent, is_under_way
from zenvia_webhooks.subscriptions.listed import NOTHING, CutOff, Listed, cut_off_by, is_of, owner, token_of
from zenvia_webhooks.subscriptions.messages import ago

Status = Subscription.Status


class Kind(TextChoices):
    """What a line of the plan is about."""

    #: A row, and Zenvia lists it.
    OURS = "ours", gettext_lazy("this site")
    #: A row whose outcome is not known, or that Zenvia refused, and that Zenvia does not list.
    PENDING = "pending", gettext_lazy("not registered")
    #: A row that was registered, and that Zenvia does not list.
    MISSING = "missing", gettext_lazy("not listed")
    #: A row that Zenvia lists with other topics.
    CHANGED = "changed", gettext_lazy("other topics")
    #: A row whose removal was asked for.
    ENDING = "ending", gettext_lazy("being removed")
    #: One of ours at Zenvia that no row needs.
    EXTRA = "extra", gettext_lazy("one too many")
    #: One at Zenvia that calls this site, without a row.
    ADOPTABLE = "adoptable", gettext_lazy("without a row")
    #: One at Zenvia that calls another site; with a row where a copied database has it.
    FOREIGN = "foreign", gettext_lazy("another system")


class Action(TextChoices):
    """What must be done about a line."""

    KEEP = "keep", gettext_lazy("keep")
    #: Look again: write down what was seen, by which the next plan goes.
    WAIT = "wait", gettext_lazy("wait")
    ACTIVATE = "activate", gettext_lazy("activate")
    #: Write down that it is lost, without a call.
    LOSE = "lose", gettext_lazy("lose")
    #: Write down that it is removed, as was asked for.
    END = "end", gettext_lazy("end")
    REGISTER = "register", gettext_lazy("register")
    REMOVE = "remove", gettext_lazy("remove")
    ADOPT = "adopt", gettext_lazy("adopt")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of the plan: a row, a subscription at Zenvia, or both."""

    account: str
    contract: str
    kind: Kind
    action: Action
    #: For people.
    reason: str
    subscription: Subscription | None = None
    remote: RemoteSubscription | None = None
    #: Whether Zenvia lists nothing else under the row's URLs: what a change replaced is gone.
    is_alone: bool = False
    #: For people: what a removal leaves to be done.
    left_to_do: str = ""
    #: What a registration would end.
    cut_off: CutOff = NOTHING

    @property
    def name(self) -> str:
        """What it is about, for people: no secret of a foreign one, no token."""
        if self.subscription is not None:
            return f"#{self.subscription.pk} {self.subscription}"
        return f"{', '.join(self.remote.topics)} ({self.account})" if self.remote else self.account

    @property
    def key(self) -> str:
        """What the same line of a later plan has, too."""
        whose = self.subscription.pk if self.subscription else ""
        return f"{self.action}/{self.kind}/{self.contract}/{whose}/{self.remote.id if self.remote else ''}"

    @property
    def url(self) -> str:
        if self.remote is not None:
            return self.remote.callback_url
        return self.subscription.registered_url if self.subscription else ""

    @property
    def host(self) -> str:
        """Host of the callback URL."""
        return host_of(self.url)

    @property
    def changes_zenvia(self) -> bool:
        """Whether it takes a call that changes something at Zenvia."""
        return self.action in (Action.REGISTER, Action.REMOVE)


def plan(
    rows: Sequence[Subscription], listed: Listed, now: datetime, *, unsent: Subscription | None = None
) -> list[Step]:
    """Return a line for each row of the account, then for each subscription that Zenvia lists besides.

    `rows` are those of all accounts, no older than the list. `unsent` is one whose wish the caller has just written: no
    call can be under way for it.
    """
    matches = {row.pk: listed.match(row) for row in rows if row.account == listed.account.alias}
    lines = [
        line
        for row in rows
        if row.pk in matches
        for line in _lines_of(row, matches[row.pk], listed, now, row == unsent)
    ]
    seen = {(line.contract, line.remote.id) for line in lines if line.remote}
    held = _held(lines, listed)
    for contract, remote in listed.all():
        if (contract, remote.id) in seen:
            continue
        with_url = (row for row in rows if row.is_here and is_of(row, remote) and listed.contract_of(row) == contract)
        row = next(with_url, None) or owner(remote, rows)
        if not _is_needed(row, matches):
            is_held = {listed.wire(topic) for topic in remote.topics} <= held
            lines.append(_without_row(listed, contract, remote, row, is_held=is_held))
    held = _held(lines, listed)
    return [_with_cut_off(_unless_held(line, held, listed), listed, rows) for line in lines]


def _lines_of(
    row: Subscription, match: RemoteSubscription | None, listed: Listed, now: datetime, is_unsent: bool
) -> Iterator[Step]:
    its = listed.of(row)
    line = Step(
        account=row.account,
        contract=listed.contract_of(row),
        kind=Kind.FOREIGN,
        action=Action.KEEP,
        reason="",
        subscription=row,
        remote=match,
        is_alone=len(its) == 1,
    )
    if row.is_ending:
        may_come = match is None and not is_unsent and is_under_way(row, now)
        yield from _ending(line, row, its, listed, now, may_come)
    elif row.is_foreign:
        reason = _("Registered for another site, %(host)s: left alone. Deactivate the row here, or replace it.")
        yield replace(line, reason=reason % {"host": host_of(row.registered_url)})
    elif row.status != Status.INACTIVE:
        kind, action, reason = _verdict(row, match, its, now, is_unsent)
        yield replace(line, kind=kind, action=action, reason=reason)


def _ending(
    line: Step, row: Subscription, its: Sequence[RemoteSubscription], listed: Listed, now: datetime, may_come: bool
) -> Iterator[Step]:
    line = replace(line, kind=Kind.ENDING, remote=None)
    if line.contract in listed.errors:
        yield replace(line, reason=str(listed.errors[line.contract]))
    elif may_come:
        text = _("Its registration may still be under way at Zenvia: try again in a minute.")
        yield replace(line, action=Action.WAIT, reason=text)
    elif its:
        text = _("Its removal was asked for.")
        yield from (replace(line, action=Action.REMOVE, remote=remote, reason=text) for remote in its)
    else:
        text = _("Its removal was asked for, and Zenvia does not list it.")
        yield replace(line, action=Action.END, reason=text, left_to_do=_left_to_do(row, listed, now))


def _left_to_do(row: Subscription, listed: Listed, now: datetime) -> str:
    if row.status == Status.ACTIVE and has_events(row, now):
        return _(
            "Zenvia does not list it under this API key, so nothing was removed there; but it had events of late. "
            "Remove it with the key that it was registered with."
        )
    if any(remote.id == row.remote_id for remote in listed.beside(row)):
        return _("What Zenvia lists as %(id)s calls another URL, and was left alone.") % {"id": row.remote_id}
    return ""


def _verdict(
    row: Subscription,
    match: RemoteSubscription | None,
    its: Sequence[RemoteSubscription],
    now: datetime,
    is_unsent: bool,
) -> tuple[Kind, Action, str]:
    if match is not None:
        is_settled = row.status == Status.ACTIVE and row.remote_id == match.id and row.absent_since is None
        is_clean = not row.previous_url or len(its) > 1
        return Kind.OURS, Action.KEEP if is_settled and is_clean else Action.ACTIVATE, _("Zenvia lists it.")
    if row.status == Status.PENDING:
        if is_unsent or is_absent(row, now):
            return Kind.PENDING, Action.REGISTER, _("Zenvia has not listed it for a minute.")
        text = _("Zenvia does not list it yet. A call may be under way: look again in a minute.")
        return Kind.PENDING, Action.WAIT, text
    if row.status == Status.FAILED:
        return Kind.PENDING, Action.KEEP, _("Zenvia refused it. Register it again once the reason is gone.")
    if row.is_manual:
        return Kind.MISSING, Action.KEEP, _("Registered manually; this API key does not list it.")
    if its:
        text = _("Zenvia lists it with other topics: %(topics)s.")
        return Kind.CHANGED, Action.REGISTER, text % {"topics": ", ".join(its[0].topics)}
    return _unlisted(row, now)


def _unlisted(row: Subscription, now: datetime) -> tuple[Kind, Action, str]:
    if row.last_event_at is not None and has_events(row, now):
        reason = _("Not listed by this API key, last event %(ago)s: it is alive.") % {"ago": ago(row.last_event_at)}
        return Kind.MISSING, Action.KEEP if row.status == Status.ACTIVE else Action.ACTIVATE, reason
    if row.status == Status.MISSING or is_absent(row, now):
        return Kind.MISSING, Action.REGISTER, _("Zenvia no longer lists it, and no events come through it.")
    return Kind.MISSING, Action.WAIT, _("Zenvia does not list it now: look again in a minute.")


def _is_needed(row: Subscription | None, matches: Mapping[int, RemoteSubscription | None]) -> bool:
    """Tell whether a row's subscription is what it has at Zenvia until another is seen: after or during a change."""
    return row is not None and row.pk in matches and row.status != Status.INACTIVE and matches[row.pk] is None


def _held(lines: Sequence[Step], listed: Listed) -> set[str]:
    """Return the wire topics that Zenvia sends to this site, or will once it is adopted."""
    theirs = (line.remote for line in lines if line.remote and line.kind in (Kind.OURS, Kind.ADOPTABLE))
    return {listed.wire(topic) for remote in theirs for topic in remote.topics}


def _unless_held(line: Step, held: set[str], listed: Listed) -> Step:
    """Return a line, but register nothing whose topics come through another subscription."""
    row = line.subscription
    if line.kind != Kind.MISSING or line.action != Action.REGISTER or row is None:
        return line
    if not {listed.wire(topic) for topic in row.topics} <= held:
        return line
    action = Action.LOSE if row.status == Status.ACTIVE else Action.KEEP
    reason = _("Zenvia no longer lists it; its topics come through another. Delete it.")
    return replace(line, action=action, reason=reason)


def _with_cut_off(line: Step, listed: Listed, rows: Sequence[Subscription]) -> Step:
    """Return a line, with what it would end if it registers; what is gone is registered with the contract of today."""
    if line.action != Action.REGISTER or line.subscription is None:
        return line
    contract = listed.account.contract if line.kind == Kind.MISSING else line.contract
    return replace(line, cut_off=cut_off_by(line.subscription, contract, listed, rows))


def _without_row(
    listed: Listed, contract: str, remote: RemoteSubscription, row: Subscription | None, *, is_held: bool
) -> Step:
    """Return the line of a subscription at Zenvia that is not what any row stands for; `row` has its URL."""
    account, host = listed.account.alias, host_of(remote.callback_url)
    if row is None and token_of(remote.callback_url) is None:
        kind, action, reason = Kind.FOREIGN, Action.KEEP, _("It calls another site, %(host)s.") % {"host": host}
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
    return Step(
        account=account, contract=contract, kind=kind, action=action, reason=reason, subscription=row, remote=remote
    )
