from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from tests.load_site.models import AtomicRun, LoggedRun
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, lead_created, non_atomic


@receiver(lead_created)
def count(sender: type[Event], event: Event, **kwargs: Any) -> None:
    AtomicRun.objects.create(event_id=event.pk)


@receiver(event_received)
@non_atomic
def log(sender: type[Event], event: Event, **kwargs: Any) -> None:
    LoggedRun.objects.create(event_id=event.pk)
