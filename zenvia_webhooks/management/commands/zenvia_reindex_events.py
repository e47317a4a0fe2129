"""`manage.py zenvia_reindex_events`: write the keys of all events anew."""

from __future__ import annotations

from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.management import audit
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.management.progress import Progress
from zenvia_webhooks.models import Event, EventKey

BATCH = 200


class Command(OwnCommand):
    help = gettext_lazy(
        "Writes anew what events are found by: after a change of DIGEST_KEY or PHONE_REGIONS. Of what was erased, it "
        "stays as it is. Workers may run meanwhile."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        using = router.db_for_write(Event)
        events = Event.objects.using(using).exclude(status__in=[Event.Status.ERASED, Event.Status.QUARANTINED])
        last = Event.objects.using(using).order_by("-pk").values_list("pk", flat=True).first() or 0
        progress, done, after = Progress(self.stderr, last), 0, 0
        while True:
            with transaction.atomic(using=using):
                # Locked, so that an erasure comes before or after, never in between.
                some = events.filter(pk__gt=after, pk__lte=last).order_by("pk").defer("body", "headers")
                batch = list(some.locked()[:BATCH])
                if not batch:
                    break
                EventKey.objects.using(using).filter(event__in=batch).delete()
                EventKey.objects.write(batch)
            progress.advance(batch[-1].pk - after)
            done, after = done + len(batch), batch[-1].pk
        progress.end()
        audit.record("zenvia_reindex_events", f"reindexed {done} events")
        self.stdout.write(_("Reindexed events: %(count)d.") % {"count": done})
