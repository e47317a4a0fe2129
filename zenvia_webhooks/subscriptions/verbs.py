"""What a person can have done: each writes its wish on the row, commits it, and has it reconciled."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import timedelta
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.adding import taken
from zenvia_webhooks.subscriptions.calls import refuse_to_cut_off
from zenvia_webhooks.subscriptions.errors import (
    ChangedMeanwhileError,
    NotConfirmedError,
    StillRegisteredError,
    SubscriptionError,
)
from zenvia_webhooks.subscriptions.listed import CutOff, client_of, foreign_of, next_contract
from zenvia_webhooks.subscriptions.messages import explain, overlap_ends
from zenvia_webhooks.subscriptions.plan import Action
from zenvia_webhooks.subscriptions.reconcile import reconcile
from zenvia_webhooks.subscriptions.rows import (
    NOTHING_PREVIOUS,
    OVERLAP,
    end,
    overlapping,
    save,
    save_if_unchanged,
    take_back_end,
    wish_ended,
    wish_registered,
)

Status = Subscription.Status
Wish = Subscription.Wish


class Everybody:
    """Stands for the approval of cutting off whatever is foreign."""

    def __contains__(self, _id: object) -> bool:
        return True


#: What `approved` is where a person has said `--replace`.
EVERYBODY = Everybody()


def register(row: Subscription, *, approved: Container[str] = ()) -> None:
    """Ask Zenvia for a subscription whose row was just added, and save how that went.

    Afterwards it is `active`; `failed`, where Zenvia refused, with Zenvia's own words in `last_error`; `pending`, where
    the outcome is not known even after a look at Zenvia's list; or `missing`, where somebody else replaced it at once.
    Raises nothing of Zenvia's, but WouldReplaceError where it would cut off a foreign one that is not `approved`, and
    SubscriptionError where it would cut off another of ours.
    """
    _reconcile_wish(row, approved, {"status": Status.FAILED})


def register_again(row: Subscription, *, approved: Container[str] = ()) -> None:
    """Register a subscription that is not active; one that is pending only where Zenvia has not listed it for a minute.

    One that was inactive gets a new token: its old one is dead. A foreign one, as in a copied database, is registered
    for this site if it is `approved`, and removed there. Raises what `register` raises, SubscriptionError where it is
    active, or somebody else has just begun the same, and ZenviaConfigurationError without `CALLBACK_BASE_URL`.
    """
    if row.is_foreign and not row.is_gone:
        _change(row, approved)
    elif row.status == Status.ACTIVE and not row.is_ending:
        raise SubscriptionError(_("It is active already."))
    elif row.status == Status.PENDING and not row.is_ending:
        try:
            reconcile(row.account, only=row, approved=approved)
        except (ZenviaError, ZenviaConfigurationError, StillRegisteredError) as error:
            save(row, last_error=row.last_error or explain(error, row.account))
        finally:
            _refresh(row)
    else:
        token = new_token() if row.status == Status.INACTIVE else row.token
        columns = {"token": token, "registered_url": callback_url(token), "remote_id": ""}
        _wish(row, approved, contract=next_contract(row), **columns)


def rotate(row: Subscription, *, overlap: timedelta = OVERLAP, approved: Container[str] = ()) -> None:
    """Register an active subscription under a new token; the old one stays good for `overlap` from when that is seen.

    Afterwards it is active; one whose change Zenvia refused is as it was, with Zenvia's own words in `last_error`; one
    whose outcome is not known is pending, and both tokens are good. Raises what `register_again` raises, and
    SubscriptionError where it is not active, and within the overlap of another rotation.
    """
    _must_be_active(row)
    if overlap < timedelta(0):
        raise SubscriptionError(_("The overlap can't be negative."))
    if until := overlap_ends(row):
        raise SubscriptionError(
            _("Both tokens of the last rotation are good until %(until)s: rotate after that.") % {"until": until}
        )
    previous = {"previous_token": row.token, "previous_token_expires_at": None}
    # The bound of the day begins anew: if somebody else has used it up, Zenvia is no longer to be answered 429 for it.
    _change(row, approved, token=new_token(), overlap=overlap, stored_bytes=0, **previous)


def change_topics(row: Subscription, topics: Sequence[str], *, approved: Container[str] = ()) -> None:
    """Have an active subscription hold these topics, under the same URL.

    Afterwards it is as after a rotation. Raises what a rotation does, SubscriptionError too for topics that it has
    already or can't hold, and ZenviaConfigurationError where the account has no API key.
    """
    _must_be_active(row)
    client, topics = client_of(row), list(dict.fromkeys(topics))
    try:
        client.contract.create_call(topics, row.callback_url, client.account.wire_topics)
    except ValueError as error:
        raise SubscriptionError(str(error)) from None
    if set(topics) == set(row.topics):
        raise SubscriptionError(_("It has these topics already."))
    for other in Subscription.objects.using(router.db_for_write(Subscription)).in_use(row.account, topics):
        # Where Zenvia has one for each key, what is gone can't come back beside this one.
        if other.pk != row.pk and not (client.contract.REPLACES and other.is_gone):
            raise taken(other)
    if set(map(client.wire_topic, topics)) == set(map(client.wire_topic, row.topics)):
        # The same to Zenvia: several of our topics are one of Zenvia's.
        if (foreign := foreign_of(row)) is not None:
            refuse_to_cut_off(CutOff(foreign=(foreign,)), approved)
        if not save_if_unchanged(row, topics=topics, last_error=""):
            raise ChangedMeanwhileError
        return
    _change(row, approved, topics=topics)


def manual(row: Subscription) -> None:
    """Take a person's word that the callback URL is registered at Zenvia.

    Raises SubscriptionError for a subscription that is neither pending nor failed.
    """
    if row.status not in (Status.PENDING, Status.FAILED):
        raise SubscriptionError(_("Only what is pending or failed can be taken for registered manually."))
    columns = {"status": Status.ACTIVE, "remote_id": "", "registered_url": row.callback_url, "last_error": ""}
    if not save_if_unchanged(row, wish=Wish.REGISTERED, **columns, **overlapping(row), **NOTHING_PREVIOUS):
        raise ChangedMeanwhileError


def deactivate(row: Subscription, *, approved: Container[str] = ()) -> str:
    """Remove a subscription at Zenvia, then let its token die; the row stays.

    What a foreign row stands for stays at Zenvia, unless it is `approved`. Returns what is left for a person to do, if
    anything. Raises StillRegisteredError where Zenvia did not say yes: where it refused, the row is as it was; where
    the outcome is not known, the next look at Zenvia's list settles it.
    """
    left_to_do = _end(row, Wish.INACTIVE, approved)
    _refresh(row)
    return left_to_do


def delete(row: Subscription, *, approved: Container[str] = ()) -> str:
    """Remove a subscription at Zenvia, then its row; its events stay. Otherwise as `deactivate`."""
    return _end(row, Wish.DELETED, approved)


def _must_be_active(row: Subscription) -> None:
    if row.status == Status.PENDING or row.is_ending:
        raise SubscriptionError(
            _("The outcome of its last call is not known yet: manage.py zenvia_sync_subscriptions --apply settles it.")
        )
    if row.status != Status.ACTIVE:
        raise SubscriptionError(_("Only an active subscription can be changed: register it again first."))


def _change(row: Subscription, approved: Container[str], **columns: Any) -> None:
    """Register a row anew with these columns; the previous registration is removed once the new one is seen."""
    url = callback_url(columns.get("token", row.token))
    previous = {"previous_url": row.registered_url or row.callback_url, "previous_topics": row.topics}
    _wish(row, approved, registered_url=url, **previous, **columns)


def _wish(row: Subscription, approved: Container[str], **columns: Any) -> None:
    undo = {name: getattr(row, name) for name in (*columns, "status", "wish", "absent_since")}
    wish_registered(row, **columns)
    _reconcile_wish(row, approved, undo)


def _reconcile_wish(row: Subscription, approved: Container[str], undo: dict[str, Any]) -> None:
    try:
        reconcile(row.account, only=row, approved=approved, undo=undo)
    except (ZenviaError, ZenviaConfigurationError):
        pass  # the row says so
    finally:
        _refresh(row)


def _refresh(row: Subscription) -> None:
    try:
        row.refresh_from_db(using=router.db_for_write(Subscription))
    except Subscription.DoesNotExist:
        raise ChangedMeanwhileError(_("It was deleted meanwhile.")) from None


def _end(row: Subscription, wish: Wish, approved: Container[str]) -> str:
    if row.status == Status.INACTIVE:
        return _end_here(row, wish, "")
    # By its URL, not its id alone: in a copied database, the same id may be another's.
    if row.registered_url and not row.is_here and (row.remote_id or f"#{row.pk}") not in approved:
        if conf.callback_base_url is None:
            raise StillRegisteredError(
                _("Set CALLBACK_BASE_URL first: without it, nobody can tell whether Zenvia calls this site or another.")
            )
        text = _("What Zenvia has registered for %(host)s was left alone: it belongs to another site.")
        return _end_here(row, wish, text % {"host": host_of(row.registered_url)})
    before = Wish(row.wish)
    wish_ended(row, wish)
    try:
        steps = reconcile(row.account, only=row)
    except (ZenviaError, ZenviaConfigurationError) as error:  # of the list: nothing was sent
        refused = isinstance(error, ZenviaConfigurationError) or not error.outcome_unknown
        return _cant_be_asked(row, explain(error, row.account), before, is_refused=refused)
    except NotConfirmedError as error:
        if not error.outcome_unknown:
            return _cant_be_asked(row, str(error), Wish.REGISTERED, is_refused=False)
        text = _("Zenvia did not confirm the removal, so the callback URL is still good here: %(error)s")
        raise StillRegisteredError(text % {"error": error}) from error
    except StillRegisteredError:
        take_back_end(row, Wish.REGISTERED)
        raise
    if steps and steps[0].action == Action.KEEP:  # the API that it was registered with refuses the key
        return _cant_be_asked(row, steps[0].reason, before, is_refused=True)
    if steps and steps[0].action == Action.WAIT:
        take_back_end(row, before)
        raise StillRegisteredError(steps[0].reason)
    return steps[0].left_to_do if steps else ""


def _cant_be_asked(row: Subscription, error: str, before: Wish, *, is_refused: bool) -> str:
    if is_refused and row.status == Status.FAILED:
        return _end_here(row, Wish(row.wish), "")  # as it refused the registration
    if is_refused and row.is_manual:
        # Zenvia's API does not talk to this user, which is why it was registered manually.
        text = _("Remove it at Zenvia, too: its API can't be asked (%(error)s).") % {"error": error}
        return _end_here(row, Wish(row.wish), text)
    take_back_end(row, before)
    text = _("Zenvia did not confirm the removal, so nothing was changed here: %(error)s")
    raise StillRegisteredError(text % {"error": error})


def _end_here(row: Subscription, wish: Wish, left_to_do: str) -> str:
    wish_ended(row, wish)
    end(row)
    return left_to_do
