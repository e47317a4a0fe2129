"""What is written to a row: nobody overwrites what somebody else has done meanwhile."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.models.task_run import TEST_EVENT
from zenvia_webhooks.signals import subscription_lost
from zenvia_webhooks.subscriptions.errors import ChangedMeanwhileError
from zenvia_webhooks.subscriptions.evidence import has_events
from zenvia_webhooks.subscriptions.listed import token_of
from zenvia_webhooks.subscriptions.plan import Action, Kind, Step

Status = Subscription.Status
Wish = Subscription.Wish

#: How long the previous token stays good after a rotation.
OVERLAP = timedelta(hours=24)
#: Events that a row which is to be deleted is taken off at a time.
EVENTS_AT_ONCE = 1000
#: The columns of a registration that replaces nothing, or nothing any more.
NOTHING_PREVIOUS: dict[str, Any] = {"previous_url": "", "previous_topics": None}


def save(row: Subscription, **columns: Any) -> None:
    """Write the outcome of a call, whatever else has become of the row. Raises ChangedMeanwhileError if it is gone."""
    if not _write(row, Subscription.objects.filter(pk=row.pk), columns):
        raise ChangedMeanwhileError(_("It was deleted meanwhile."))


def save_if_unchanged(row: Subscription, **columns: Any) -> bool:
    """Write a wish, or what a plan says, unless somebody has changed the row since it was read; tell whether."""
    # Of two that do this at the same moment, the second finds another `updated_at`.
    return _write(row, _unchanged(row), columns)


def wish_registered(row: Subscription, **columns: Any) -> None:
    """Commit what Zenvia is about to be asked for. Raises ChangedMeanwhileError where somebody else has just begun."""
    wanted = {**columns, "status": Status.PENDING, "wish": Wish.REGISTERED, "absent_since": None}
    if not save_if_unchanged(row, **wanted):
        raise ChangedMeanwhileError(_("It is active already, or somebody else is just registering it."))


def wish_ended(row: Subscription, wish: Wish) -> None:
    """Commit that a row must go from Zenvia. Raises ChangedMeanwhileError where somebody else has just changed it."""
    # Not `updated_at`, which says since when a registration may be under way.
    if not _unchanged(row).update(wish=wish):
        raise ChangedMeanwhileError
    row.wish = wish


def take_back_end(row: Subscription, before: Wish) -> None:
    """Bring the previous wish back, as Zenvia refused, or was not asked to remove anything."""
    Subscription.objects.filter(pk=row.pk).update(wish=before)
    row.wish = before


def activated(row: Subscription, remote: RemoteSubscription) -> dict[str, Any]:
    """Return the columns of a row that Zenvia has. An overlap of two tokens begins now."""
    columns: dict[str, Any] = {
        "status": Status.ACTIVE,
        "remote_id": remote.id,
        "absent_since": None,
        "last_error": "",
        "last_synced_at": now(),
    }
    return columns | overlapping(row)


def overlapping(row: Subscription) -> dict[str, Any]:
    """Return the columns that let a previous token expire which was good until now."""
    if row.previous_token is None or row.previous_token_expires_at is not None:
        return {}
    return {"previous_token_expires_at": now() + (OVERLAP if row.overlap is None else row.overlap)}


def restored(row: Subscription) -> dict[str, Any]:
    """Return the columns of a registration whose change was refused: as it was."""
    columns = {
        "status": Status.ACTIVE,
        "topics": row.previous_topics,
        "registered_url": row.previous_url,
        "absent_since": None,
        **NOTHING_PREVIOUS,
    }
    if row.previous_token is not None and row.previous_token_expires_at is None:
        columns |= {"token": row.previous_token, "previous_token": None, "overlap": None}
    return columns


def lose(row: Subscription, **columns: Any) -> None:
    """Write down that Zenvia no longer has a row's registration, and tell the host's receivers once."""
    if save_if_unchanged(row, status=Status.MISSING, last_synced_at=now(), **columns):
        subscription_lost.send_robust(sender=Subscription, subscription=row)


def end(row: Subscription) -> None:
    """Let a row's token die, or delete the row, as was asked for; its events stay.

    Raises ChangedMeanwhileError where nobody wants that any more.
    """
    rows = Subscription.objects.filter(pk=row.pk, wish=row.wish)
    if row.wish == Wish.DELETED:
        _leave_events(rows, row.pk)
        is_done = bool(rows.delete()[0])
        if is_done:
            TaskRun.objects.filter(task=TEST_EVENT.format(pk=row.pk)).delete()
    else:
        none: dict[str, Any] = dict.fromkeys(("absent_since", "previous_token", "previous_token_expires_at"))
        inactive = {"status": Status.INACTIVE, "wish": Wish.REGISTERED, "remote_id": "", "last_error": ""}
        is_done = _write(row, rows, inactive | none | NOTHING_PREVIOUS)
    if not is_done:
        raise ChangedMeanwhileError


def _leave_events(rows: QuerySet[Subscription], pk: int) -> None:
    """Take a row off its events while it is to be deleted, a few at a time.

    In one statement, millions would stay locked to its end.
    """
    events = Event.objects.using(router.db_for_write(Event))
    while rows.exists():
        some = list(events.filter(subscription=pk).values_list("pk", flat=True)[:EVENTS_AT_ONCE])
        if not events.filter(pk__in=some).update(subscription=None):
            break


def record(step: Step) -> None:
    """Write down what a plan saw, without a call; nothing of a row that somebody has changed since.

    Raises ChangedMeanwhileError where somebody else has just adopted the same.
    """
    row = step.subscription
    if row is None:
        if step.action == Action.ADOPT and step.remote is not None:
            _adopt(step, step.remote)
    elif step.action == Action.END:
        with suppress(ChangedMeanwhileError):
            end(row)
    elif step.kind == Kind.OURS and step.remote is not None and step.action == Action.ACTIVATE:
        save_if_unchanged(row, **activated(row, step.remote), **(NOTHING_PREVIOUS if step.is_alone else {}))
    elif step.kind == Kind.MISSING and step.action in (Action.LOSE, Action.REGISTER):
        if row.status == Status.ACTIVE:
            lose(row, last_error=step.reason)
    elif step.kind == Kind.ENDING:
        return
    elif step.action == Action.WAIT or (step.kind == Kind.MISSING and has_events(row, now())):
        # One that is missing has come to life again where it has events.
        status = Status.ACTIVE if row.status == Status.MISSING else row.status
        save_if_unchanged(row, status=status, absent_since=row.absent_since or now(), last_synced_at=now())
    elif step.account == row.account:
        # Not `updated_at`, by which others see that somebody is at work on the row.
        Subscription.objects.filter(pk=row.pk).update(last_synced_at=now())


def _adopt(step: Step, remote: RemoteSubscription) -> None:
    try:
        with transaction.atomic(using=router.db_for_write(Subscription)):
            Subscription.objects.create(
                account=step.account,
                contract=step.contract,
                topics=list(remote.topics),
                token=token_of(remote.callback_url) or "",
                remote_id=remote.id,
                registered_url=remote.callback_url,
                status=Status.ACTIVE,
                last_synced_at=now(),
            )
    except IntegrityError:
        raise ChangedMeanwhileError(_("It has a row already.")) from None


def _unchanged(row: Subscription) -> QuerySet[Subscription]:
    return Subscription.objects.filter(pk=row.pk, updated_at=row.updated_at)


def _write(row: Subscription, rows: QuerySet[Subscription], columns: dict[str, Any]) -> bool:
    columns = {**columns, "updated_at": now()}
    written = rows.update(**columns)
    for name, value in columns.items() if written else ():
        setattr(row, name, value)
    return bool(written)
