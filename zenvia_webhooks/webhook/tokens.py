"""Whose token it is: asked of the database, and remembered for a few seconds where it was good."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connections, router, transaction

from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.clock import ClockReading, DatabaseNow

#: How long a token that was good is good without another look: the longest that a revocation takes to hold everywhere.
REMEMBERED_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A token's subscription, and the database's clock at the moment of the look."""

    subscription: Subscription
    clock: ClockReading
    #: By `time.monotonic()`, before the look.
    asked_at: float

    def holds(self, token: str) -> bool:
        # Also not before the look: the clock may have been a test's.
        return 0 <= time.monotonic() - self.asked_at < REMEMBERED_SECONDS and self.subscription.accepts(token)


#: Database, its name and token → owner.
_owners: dict[tuple[str, str, str], Owner] = {}


def owner_of(token: str) -> Owner | None:
    """Return what a token is good for; None for one that is unknown or revoked.

    Nothing is remembered where a transaction is open: it may be a test's, which is taken back.
    """
    using = router.db_for_write(Subscription)
    connection = connections[using]
    if connection.in_atomic_block:
        return _ask(token, using)
    key = using, str(connection.settings_dict["NAME"]), token
    if (owner := _owners.get(key)) is not None and owner.holds(token):
        return owner
    _owners.pop(key, None)
    if (owner := _ask(token, using)) is not None:
        _owners[key] = owner
    return owner


def forget() -> None:
    """Have the next look of each token ask the database."""
    _owners.clear()


def _ask(token: str, using: str) -> Owner | None:
    asked_at = time.monotonic()
    # In a transaction: neither Django's router nor a pooler sends it to a replica. That may not know a new subscription
    # yet; and its clock may be ahead, by which the event would fall due only after its hint has been followed.
    with transaction.atomic(using=using):
        subscription = Subscription.objects.using(using).annotate(now=DatabaseNow()).with_token(token)
    if subscription is None:
        return None
    clock = ClockReading(moment=subscription.now)  # type: ignore[attr-defined]  # the annotation
    return Owner(subscription=subscription, clock=clock, asked_at=asked_at)
