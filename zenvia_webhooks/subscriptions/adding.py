"""New rows: one at a time for the whole site, so that no topic is registered twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.db import connections, router, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Subscription, TaskRun
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.subscriptions.calls import one_for_each_key
from zenvia_webhooks.subscriptions.errors import SubscriptionError

Status = Subscription.Status

#: `TaskRun.task` of the row that whoever adds subscriptions holds.
ADDING = "zenvia_webhooks.adding_subscriptions"


def topics_per_row(account: str, topics: Iterable[str]) -> list[list[str]]:
    """Return how topics spread over subscriptions: one each under `help_center`.

    Raises ZenviaConfigurationError where there is no such account.
    """
    wanted = list(dict.fromkeys(topics))
    size = get_contract(conf.account(account).contract).TOPICS_PER_SUBSCRIPTION or max(len(wanted), 1)
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


def wire_names(account: str) -> Callable[[str], str]:
    """Return what tells which topics are the same to Zenvia. Raises ZenviaConfigurationError."""
    of = conf.account(account)
    contract = get_contract(of.contract)
    return lambda topic: contract.wire_topic(topic, of.wire_topics)


def add(account: str, topics: Sequence[str], *, token: str | None = None) -> Subscription:
    """Create the row of a registration that is about to be made.

    Raises ZenviaConfigurationError without account or `CALLBACK_BASE_URL`: then no registration could be made; and
    SubscriptionError for a second row where Zenvia has one subscription for each key.
    """
    contract = conf.account(account).contract
    if get_contract(contract).REPLACES:
        others = (row for row in _rows(account) if row.status != Status.FAILED and not row.is_foreign)
        if (other := next((row for row in others if (row.contract or contract) == contract), None)) is not None:
            raise one_for_each_key(other)
    row = Subscription(account=account, contract=contract, topics=list(topics), token=token or new_token())
    row.registered_url = row.callback_url
    row.save()
    return row


def add_all(account: str, topics: Mapping[str, Sequence[str]]) -> list[Subscription]:
    """Create rows: token → topics. Two that do this at the same moment add each topic once.

    Raises what `add` raises, and SubscriptionError for a topic that has a subscription already.
    """
    with _turn():
        for row in _rows(account):
            # One that was refused is registered again, not beside it.
            if any(not set(row.topics).isdisjoint(each) for each in topics.values()):
                raise taken(row)
        return [add(account, each, token=token) for token, each in topics.items()]


def add_missing(account: str, topics: Sequence[str]) -> tuple[list[Subscription], list[Subscription]]:
    """Return an account's rows that hold one of these topics, and new rows, just added, for those that none holds.

    Two that do this at the same moment add each topic once. Raises what `add` raises.
    """
    # Durable: a row must be committed before its call.
    with _turn(durable=True):
        wire, contract = wire_names(account), get_contract(conf.account(account).contract)
        size = contract.TOPICS_PER_SUBSCRIPTION
        here, wanted = _rows(account), {wire(topic) for topic in topics}
        # What was refused, and can't be registered under this CONTRACT, holds nothing.
        usable = [row for row in here if not (row.is_gone and size and len(row.topics) > size)]
        old = [row for row in usable if not wanted.isdisjoint(map(wire, row.topics))]
        held = {wire(topic) for row in old for topic in row.topics}
        missing = [topic for topic in topics if wire(topic) not in held]
        if old and contract.REPLACES and all(row.is_gone for row in here):
            # As after a switch of CONTRACT, where the other one had a row for each topic: one row takes them all.
            old[0].topics = list({wire(topic): topic for topic in [*topics, *old[0].topics]}.values())
            old[0].save(update_fields=["topics", "updated_at"])
            return old[:1], []
        return old, [add(account, each) for each in topics_per_row(account, missing)]


def taken(row: Subscription) -> SubscriptionError:
    """Return why a topic of this row can't be had a second time."""
    return SubscriptionError(
        _("%(topics)s has a subscription already, which is %(status)s: see #%(pk)s.")
        % {"topics": ", ".join(row.topics), "status": row.get_status_display(), "pk": row.pk}
    )


def _rows(account: str) -> list[Subscription]:
    # What others have committed since this transaction began, too.
    using = router.db_for_write(Subscription)
    rows, connection = Subscription.objects.using(using), connections[using]
    if connection.in_atomic_block:
        # Events that refer to them are stored meanwhile: no webhook waits for somebody's form.
        rows = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    return rows.of_this_site(account)


@contextmanager
def _turn(*, durable: bool = False) -> Iterator[None]:
    """Hold, until the transaction ends, what one alone can hold."""
    using = router.db_for_write(Subscription)
    with transaction.atomic(using=using, durable=durable):
        # One statement, whether the row is there or not: whoever comes second waits for the first one's commit.
        has_target = connections[using].features.supports_update_conflicts_with_target
        TaskRun.objects.using(using).bulk_create(
            [TaskRun(task=ADDING, started_at=now())],
            update_conflicts=True,
            update_fields=["started_at"],
            unique_fields=["task"] if has_target else None,
        )
        yield
