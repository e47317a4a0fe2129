"""What this CRM does with what Zenvia reports. All receivers are in this file.

Each runs in a Celery worker, in a transaction of its own, and may run again for the same lead: Zenvia repeats
itself and keeps no order. So each is keyed on the lead's id and none assumes that another has run before.
"""

from typing import Any

from django.dispatch import receiver

from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import interaction_resolved, lead_created, quote_updated

from .models import Contact


def fitting(**values: str | None) -> dict[str, str]:
    """Return what Zenvia did say, cut to our columns: it publishes no lengths."""
    return {name: value[:255] for name, value in values.items() if value}


@receiver(lead_created)
def save_contact(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Create the lead's contact, or bring it up to date."""
    lead = event.lead
    if lead is None:
        return None
    values = fitting(name=lead.name, email=lead.email, phone=lead.phone)
    if lead.lead_id is None:
        # Nothing to recognise the lead by; one person twice is better than two people in one row.
        return Contact.objects.create(**values)
    contact, _ = Contact.objects.update_or_create(lead_id=lead.lead_id, defaults=values)
    return contact


@receiver(quote_updated)
def save_quote_status(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Note on the contact how its latest quote stands."""
    quote = event.quote
    if quote is None or quote.lead_id is None:
        return None
    contact, _ = Contact.objects.update_or_create(lead_id=quote.lead_id, defaults=fitting(quote_status=quote.status))
    return contact


@receiver(interaction_resolved)
def save_resolved_at(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Note on the contact when its latest conversation was resolved."""
    interaction = event.interaction
    if interaction is None or interaction.lead_id is None:
        return None
    contact, _ = Contact.objects.update_or_create(
        lead_id=interaction.lead_id, defaults={"last_resolved_at": event.occurred_at or event.received_at}
    )
    return contact
