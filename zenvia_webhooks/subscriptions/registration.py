"""Making a registration: the row is committed first and the call follows, so that none is ever without a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db import connections, router, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.subscriptions.call import call
from zenvia_webhooks.subscriptions.ownership import is_elsewhere, one_for_each_key
from zenvia_webhooks.subscriptions.rows import NOTHING_PREVIOUS, overlapping, save

Status = Subscription.Status


def topics_per_row(account: str, topics: Iterable[str]) -> list[list[str]]:
    """Return how topics spread over subscriptions: one each under `help_center`.

    Raises ZenviaConfigurationError where there is no such account.
    """
    wanted = list(dict.fromkeys(topics))
    size = get_contract(conf.account(account).contract).TOPICS_PER_SUBSCRIPTION or max(len(wanted), 1)
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


def add(account: str, topics: Sequence[str], *, token: str | None = None) -> Subscription:
    """Create the row of a registration that is about to be made.

    Raises ZenviaConfigurationError without account or `CALLBACK_BASE_URL`: then no registration could be made; and
    ValueError for a second row where Zenvia has one subscription for each key.
    """
    if get_contract(conf.account(account).contract).REPLACES:
        others = Subscription.objects.filter(account=account).exclude(status__in=[Status.INACTIVE, Status.FAILED])
        if other := next((row for row in others.order_by("pk") if not is_elsewhere(row)), None):
            raise one_for_each_key(other)
    subscription = Subscription(account=account, topics=list(topics), token=token or new_token())
    subscription.registered_url = subscription.callback_url
    subscription.save()
    return subscription


def add_missing(account: str, topics: Sequence[str]) -> tuple[list[Subscription], list[Subscription]]:
    """Return an account's rows that hold one of these topics, and new rows, just added, for those that none holds.

    Two that do this at the same moment add each topic once. Raises what `add` raises.
    """
    using = router.db_for_write(Subscription)
    # Durable: a row must be committed before its call.
    with transaction.atomic(using=using, durable=True):
        _wait_for_turn(using)
        wire, contract = wire_names(account), get_contract(conf.account(account).contract)
        size = contract.TOPICS_PER_SUBSCRIPTION
        rows = Subscription.objects.using(using).filter(account=account).exclude(status=Status.INACTIVE).order_by("pk")
        wanted = {wire(topic) for topic in topics}
        here = [row for row in rows if not row.is_of_another_origin]
        # What was refused, and can't be registered under this CONTRACT, holds nothing.
        usable = [row for row in here if not (_is_gone(row) and size and len(row.topics) > size)]
        old = [row for row in usable if not wanted.isdisjoint(map(wire, row.topics))]
        held = {wire(topic) for row in old for topic in row.topics}
        missing = [topic for topic in topics if wire(topic) not in held]
        if old and contract.REPLACES and all(map(_is_gone, here)):
            # As after a switch of CONTRACT, where the other one had a row for each topic: one row takes them all.
            old[0].topics = list({wire(topic): topic for topic in [*topics, *old[0].topics]}.values())
            old[0].save(update_fields=["topics", "updated_at"])
            return old[:1], []
        return old, [add(account, each) for each in topics_per_row(account, missing)]


def _is_gone(row: Subscription) -> bool:
    """Tell whether a row stands for nothing at Zenvia: refused, or no longer listed."""
    return row.status in (Status.FAILED, Status.MISSING)


def wire_names(account: str) -> Callable[[str], str]:
    """Return what tells which topics are the same to Zenvia. Raises ZenviaConfigurationError."""
    of = conf.account(account)
    contract = get_contract(of.contract)
    return lambda topic: contract.wire_topic(topic, of.wire_topics)


def _wait_for_turn(using: str) -> None:
    # A lock until the transaction ends that every database has: on a row which is there when no other is.
    ours = MigrationRecorder(connections[using]).migration_qs.filter(app=Subscription._meta.app_label)
    ours.update(app=Subscription._meta.app_label)


def register(subscription: Subscription, *, replace: bool = False) -> None:
    """Ask Zenvia for a subscription whose row is committed, and save how that went.

    Afterwards it is `active`; `failed`, where Zenvia refused, with Zenvia's own words in `last_error`; `pending`, where
    the outcome is not known even after a look at Zenvia's list; or `missing`, where somebody else replaced it at once.
    Raises nothing of Zenvia's, but WouldReplaceError where it would cut off a stranger and `replace` does not say so,
    and ValueError where it would cut off another of ours.
    """
    call(subscription, replace=replace)


def register_by_hand(subscription: Subscription) -> None:
    """Take a person's word that the callback URL is registered at Zenvia.

    Raises ValueError for a subscription that is neither pending nor failed.
    """
    if subscription.status not in (Status.PENDING, Status.FAILED):
        raise ValueError(_("Only what is pending or failed can be taken for registered by hand."))
    save(
        subscription,
        status=Status.ACTIVE,
        remote_id="",
        registered_url=subscription.callback_url,
        last_error="",
        **overlapping(subscription),
        **NOTHING_PREVIOUS,
    )
