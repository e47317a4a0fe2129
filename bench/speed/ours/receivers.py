from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from bench.speed.contacts.models import Contact
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created


@receiver(lead_created)
def save_contact(sender: type[Event], event: Event, **kwargs: Any) -> None:
    assert event.lead is not None
    Contact.objects.create(lead_id=event.lead.lead_id or "", name=event.lead.name or "")
