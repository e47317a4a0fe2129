"""Whose token it is: asked of the database, and remembered for a few seconds where it was good.

Meanwhile each process counts the bytes that a subscription has it store, and tells the others with its next look: so
the bound of a day costs no write of its own, and a leaked token can't fill the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import date

from django.db import Error, connections, models, router, transaction

from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.clock import ClockReading, DatabaseNow

logger = logging.getLogger(__name__)

#: How long a token that was good is good without another look: the longest that a revocation takes to hold everywhere.
REMEMBERED_SECONDS = 5


@dataclass(kw_only=True)
class Owner:
    """A token's subscription, the database's clock at the moment of the look, and what was stored since."""

    subscription: Subscription
    clock: ClockReading
    #: By `time.monotonic()`, before the look.
    asked_at: float
    #: Bytes that this process has stored for it since the look.
    stored: int = 0

    @property
    def today(self) -> date:
        return self.clock.now().date()

    def bytes_today(self) -> int:
        """Return what the subscription has stored today: not yet what other processes stored since the look."""
        return self.subscription.bytes_stored_on(self.today) + self.stored

    def add(self, size: int) -> None:
        with _lock:
            self.stored += size

    def holds(self, token: str) -> bool:
        # Also not before the look: the clock may have been a test's.
        return 0 <= time.monotonic() - self.asked_at < REMEMBERED_SECONDS and self.subscription.accepts(token)


_lock = threading.Lock()
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
    known = _owners.get(key)
    if known is not None and known.holds(token):
        return known
    if known is not None and _owners.pop(key, None) is known and known.stored:
        _tell(known, using)
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


def _tell(owner: Owner, using: str) -> None:
    row, today = owner.subscription, owner.today
    that_day = models.When(stored_on=today, then=models.F("stored_bytes") + owner.stored)
    try:
        # In this order: MariaDB and MySQL set one column after the other, and read what is set already.
        Subscription.objects.using(using).filter(pk=row.pk).update(
            stored_bytes=models.Case(that_day, default=owner.stored), stored_on=today
        )
    except Error:
        logger.warning("the bytes that subscription %s stored could not be counted", row.pk, exc_info=True)
