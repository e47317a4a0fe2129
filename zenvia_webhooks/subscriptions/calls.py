"""Calls that change something at Zenvia: who may not be cut off by one, and what each answer means."""

from __future__ import annotations

from collections.abc import Container, Sequence
from enum import Enum, auto

from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions.errors import (
    NotConfirmedError,
    StillRegisteredError,
    SubscriptionError,
    WouldReplaceError,
)
from zenvia_webhooks.subscriptions.listed import CutOff, Listed, ask, client_of
from zenvia_webhooks.subscriptions.messages import explain
from zenvia_webhooks.subscriptions.rows import activated, restored, save

Status = Subscription.Status

#: The HTTP status of a registration that Zenvia has already, or that is in another's way.
CONFLICT = 409
#: Those that say that nothing is removed through this API.
CANNOT_REMOVE = (405, 501)


class Answer(Enum):
    """What Zenvia said to a registration, as far as the row does not say it."""

    #: The row says how it went.
    SETTLED = auto()
    #: Zenvia took it: its list must show it.
    TAKEN = auto()
    #: The outcome is not known.
    UNKNOWN = auto()
    #: It is there already, or another is in its way.
    CONFLICT = auto()


def refuse_to_cut_off(cut_off: CutOff, approved: Container[str]) -> None:
    """Raise WouldReplaceError for a foreign one that nobody approved of, and SubscriptionError for a row of ours."""
    if cut_off.ours is not None:
        raise one_for_each_key(cut_off.ours)
    if any(remote.id not in approved for remote in cut_off.foreign):
        raise WouldReplaceError(cut_off.foreign)


def one_for_each_key(row: Subscription) -> SubscriptionError:
    """Return why a second subscription can't be had."""
    return SubscriptionError(
        _("Zenvia has one subscription for each API key, and #%(pk)s has it: change the topics of that one instead.")
        % {"pk": row.pk}
    )


def post(row: Subscription) -> Answer:
    """Register a row whose wish is committed, and save what the answer says for sure."""
    client = client_of(row)
    try:
        remote = client.create_subscription(row.topics, row.registered_url)
    except (ZenviaError, ValueError) as error:  # ValueError: topics that don't fit
        if isinstance(error, ZenviaError) and error.outcome_unknown:
            save(row, last_error=str(error), absent_since=None)
            return Answer.UNKNOWN
        if isinstance(error, ZenviaAPIError) and error.status == CONFLICT:
            save(row, last_error=explain(error, row.account))
            return Answer.CONFLICT
        refused(row, explain(error, row.account))
        return Answer.SETTLED
    if not row.is_changing and not client.contract.REPLACES:
        save(row, **activated(row, remote))
        return Answer.SETTLED
    save(row, last_error=_("Zenvia took it, but does not list it yet."))
    return Answer.TAKEN


def refused(row: Subscription, error: str) -> None:
    """Bring back what was before a change that Zenvia refused; a new registration failed."""
    if row.is_changing:
        text = _("The change was refused, and the registration is as it was: %(error)s") % {"error": error}
        save(row, **restored(row) | {"last_error": text})
    else:
        save(row, status=Status.FAILED, last_error=error, absent_since=None)


def remove(account: str, contract: str, remotes: Sequence[RemoteSubscription]) -> Listed:
    """Remove these at Zenvia, and return what it lists then.

    Raises StillRegisteredError where one of them is still listed, or Zenvia does not say so.
    """
    client, cannot = ZenviaClient(account, contract=contract), ""
    for remote in remotes:
        try:
            client.delete_subscription(remote.id)
        except ZenviaError as error:
            if not (isinstance(error, ZenviaAPIError) and error.status in CANNOT_REMOVE):
                raise NotConfirmedError(str(error), outcome_unknown=error.outcome_unknown) from error
            cannot = str(error)
    try:
        listed = ask(account)
    except ZenviaError as error:
        raise NotConfirmedError(str(error), outcome_unknown=True) from error
    # DELETE's answer alone is not believed: for `help_center`, its path is not published.
    left = {remote.id for remote in listed.remotes.get(contract, ())} & {remote.id for remote in remotes}
    if left:
        text = _("Zenvia still lists it as %(id)s: remove it there manually, then try again. %(why)s")
        raise StillRegisteredError((text % {"id": ", ".join(sorted(left)), "why": cannot}).rstrip())
    return listed
