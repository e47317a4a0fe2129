"""Reading again what was not understood: this version may know more than the one that stored it."""

from __future__ import annotations

from django.db import IntegrityError, router, transaction

from zenvia_webhooks import wakeup
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import from_now
from zenvia_webhooks.webhook import intake


def read_again(event: Event) -> bool:
    """Read a quarantined event's body again; tell whether it is understood now. It is then due.

    The same notification may have come again meanwhile, and have been understood: then receivers had that one, and this
    one says so.
    """
    using = router.db_for_write(Event)
    quarantined = Event.objects.using(using).filter(pk=event.pk, status=Event.Status.QUARANTINED)
    with transaction.atomic(using=using):
        locked = quarantined.locked().first()
        if locked is None:
            return False
        columns = intake.read(locked.account, bytes(locked.body))
        if columns["status"] == Event.Status.QUARANTINED:
            return False
        try:
            with transaction.atomic(using=using):
                quarantined.update(
                    **columns, error="", next_attempt_at=from_now(-wakeup.BULK_SECONDS), finished_at=None
                )
        except IntegrityError:
            known = Event.objects.using(using).filter(fingerprint=columns.pop("fingerprint")).only("pk").get()
            columns |= {"status": Event.Status.DISPATCHED, "same_as": known.pk, "error": ""}
            quarantined.update(**columns)
        else:
            wakeup.after_commit(using=using)
    return True
