from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from bench.speed.contacts import receiver as contacts
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created


@receiver(lead_created)
def save_contact(sender: type[Event], event: Event, **kwargs: Any) -> None:
    assert event.lead is not None
    contacts.save_contact(event.lead.lead_id or "", event.lead.name or "")
