"""What the plan says is done: the one way in which a subscription changes, here and at Zenvia."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import override

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.calls import Answer, post, refuse_to_cut_off, refused, remove
from zenvia_webhooks.subscriptions.errors import StillRegisteredError, SubscriptionError
from zenvia_webhooks.subscriptions.listed import (
    Listed,
    all_rows,
    ask,
    cut_off_by,
    foreign_of,
    next_contract,
    owner,
)
from zenvia_webhooks.subscriptions.messages import explain
from zenvia_webhooks.subscriptions.plan import Action, Kind, Step, plan
from zenvia_webhooks.subscriptions.rows import NOTHING_PREVIOUS, lose, overlapping, record, save, wish_registered

logger = logging.getLogger(__name__)

Status = Subscription.Status


def current_plan(account: str) -> list[Step]:
    """Ask Zenvia for its list, and return the plan. Changes nothing.

    Raises ZenviaError and ZenviaConfigurationError.
    """
    return _plan(ask(account))


def foreign_cut_off_by(row: Subscription) -> Sequence[RemoteSubscription]:
    """Return the foreign subscriptions that a registration of this row would cut off now. Changes nothing.

    Raises ZenviaError and ZenviaConfigurationError.
    """
    contract = next_contract(row)
    if not get_contract(contract).REPLACES and foreign_of(row) is None:
        return ()
    return cut_off_by(row, contract, ask(row.account), all_rows()).foreign


def reconcile(
    account: str, *, only: Step | Subscription, approved: Container[str] = (), undo: dict[str, Any] | None = None
) -> list[Step]:
    """Do what a plan of now says about one row, or one step of an earlier plan if that is still called for.

    `approved` holds Zenvia's ids of foreign subscriptions that a person agreed to cut off. `undo` are the columns that
    bring the previous wish back, where the caller has just written another: nothing was sent for it yet.
    Returns what was done. Raises SubscriptionError (WouldReplaceError, StillRegisteredError, ...), and ZenviaError or
    ZenviaConfigurationError where Zenvia's list can't be had.
    """
    row = only if isinstance(only, Subscription) else None
    try:
        listed = ask(account)
    except (ZenviaError, ZenviaConfigurationError) as error:
        if row is not None and undo is not None:
            save(row, **undo, last_error=explain(error, account))
        raise
    lines = _plan(listed, unsent=None if undo is None else row)
    steps = [step for step in lines if (step.key == only.key if isinstance(only, Step) else step.subscription == only)]
    perform(steps, listed, approved=approved, undo=undo)
    return steps


def perform(
    steps: Sequence[Step], listed: Listed, *, approved: Container[str] = (), undo: dict[str, Any] | None = None
) -> None:
    """Make the calls of steps that are about one row, or about none, or write the row. See `reconcile`."""
    for step in steps:
        if step.action == Action.REGISTER and step.subscription is not None:
            _register(step, step.subscription, listed, approved, undo)
        elif step.action != Action.REMOVE:
            record(step)
    # Once it is settled which one stays.
    if removals := [step for step in steps if step.action == Action.REMOVE]:
        _remove(removals)


def compare_all() -> int:
    """Compare every account with Zenvia, log what a person should see to, and return how many lines that is.

    Nothing changes at Zenvia. What was seen is written to the rows, and `subscription_lost` tells of one that is lost.
    """
    number = 0
    for account in accounts():
        try:
            steps = current_plan(account)
        except (ZenviaError, ZenviaConfigurationError) as error:
            number += 1
            with override("en"):  # the log, unlike pages and commands, has one language
                logger.warning("account %s could not be compared with Zenvia: %s", account, explain(error, account))
            continue
        for step in steps:
            if step.action != Action.ADOPT:
                record(step)
            if step.action != Action.KEEP and step.kind != Kind.OURS:
                number += 1
                with override("en"):
                    logger.warning("%s: %s, %s", step.name, step.kind.label, step.action)
    return number


def accounts() -> list[str]:
    """Return the accounts that there is something to compare of: those of rows, and those that have an API key."""
    with_rows = sorted({row.account for row in all_rows() if row.status != Status.INACTIVE})
    with_key = [alias for alias in conf.aliases() if _has_key(alias)]
    return list(dict.fromkeys([*with_key, *with_rows]))


def _has_key(alias: str) -> bool:
    try:
        return conf.account(alias).api_key is not None
    except ZenviaConfigurationError:
        return False


def _plan(listed: Listed, *, unsent: Subscription | None = None) -> list[Step]:
    # After the list: a row is committed before its call, so whatever is listed has its row by now, if it ever will.
    return plan(all_rows(), listed, now(), unsent=unsent)


def _register(
    step: Step, row: Subscription, listed: Listed, approved: Container[str], undo: dict[str, Any] | None
) -> None:
    if undo is None and step.kind == Kind.MISSING:
        record(step)
    try:
        refuse_to_cut_off(step.cut_off, approved)
    except SubscriptionError as error:
        save(row, **(undo or {}), last_error=str(error))
        raise
    if undo is None:
        wish_registered(row, **_wish_of(step, row, listed))
    answer = post(row)
    if answer != Answer.SETTLED:
        _look_again(row, listed, answer)


def _wish_of(step: Step, row: Subscription, listed: Listed) -> dict[str, Any]:
    if step.kind == Kind.MISSING:
        return {"registered_url": row.callback_url, "remote_id": "", "contract": listed.account.contract}
    if step.kind == Kind.CHANGED:
        previous = {"previous_url": row.registered_url, "previous_topics": row.topics}
        return {"registered_url": row.callback_url, **previous}
    return {}


def _look_again(row: Subscription, before: Listed, answer: Answer) -> None:
    """Look at Zenvia's list after a registration, and go by that."""
    try:
        listed = ask(row.account)
    except ZenviaError as error:
        if answer == Answer.CONFLICT and not row.is_changing:
            refused(row, row.last_error)
        elif answer != Answer.UNKNOWN:
            # To bring back what was before a change would give a token up that Zenvia may call.
            save(row, last_error=str(error))
        return
    is_there = listed.match(row) is not None
    newcomers = ", ".join(_newcomers(row, before, listed))
    if answer == Answer.CONFLICT and not is_there:
        refused(row, row.last_error)
    elif answer == Answer.TAKEN and not is_there and newcomers:
        text = _("Zenvia took it, then replaced it by one for %(hosts)s, registered at the same moment.")
        lost = {"remote_id": "", "absent_since": now(), "last_error": text % {"hosts": newcomers}}
        lose(row, **lost, **overlapping(row), **NOTHING_PREVIOUS)
    else:
        try:
            lines = _plan(listed)
            perform([step for step in lines if step.subscription == row and step.action != Action.REGISTER], listed)
        except StillRegisteredError as error:
            save(row, last_error=_("The previous one is still at Zenvia: %(error)s") % {"error": error})
        if is_there and newcomers:
            text = _("Zenvia lists one for %(hosts)s too, registered at the same moment.")
            save(row, last_error=text % {"hosts": newcomers})


def _newcomers(row: Subscription, before: Listed, after: Listed) -> list[str]:
    """Return the hosts of foreign subscriptions that came since, where one registration ends all others."""
    if not get_contract(after.contract_of(row)).REPLACES:
        return []
    known, rows, own = {remote.id for remote in before.beside(row)}, all_rows(), after.match(row)
    new = [remote for remote in after.beside(row) if remote.id not in known and remote != own]
    return [host_of(remote.callback_url) for remote in new if owner(remote, rows) is None]


def _remove(steps: Sequence[Step]) -> None:
    """Remove what these steps name, all of one row or of none; then write down what Zenvia lists of the row."""
    first = steps[0]
    row, remotes = first.subscription, [step.remote for step in steps if step.remote is not None]
    if row is not None and first.kind == Kind.EXTRA and row.status in (Status.PENDING, Status.MISSING):
        raise StillRegisteredError(_("#%(pk)s must be settled first: look again.") % {"pk": row.pk})
    listed = remove(first.account, first.contract, remotes)
    if row is not None:
        lines = _plan(listed, unsent=row)
        perform([step for step in lines if step.subscription == row and not step.changes_zenvia], listed)
