"""What this CRM does with what Zenvia reports. All receivers are in this file.

Each runs in a Celery worker, in a transaction of its own, and may run again for the same lead: Zenvia repeats
itself and keeps no order. So each is keyed on the lead's id, none assumes that another has run before, and what is
older than what has arrived meanwhile is left alone (`event.is_superseded`).
"""

from typing import Any

from django.db.models import Q
from django.dispatch import receiver

from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, interaction_resolved, lead_created, person_erased, quote_updated

from .models import Contact


def fitting(**values: str | None) -> dict[str, str]:
    """Return texts cut to our columns, as Zenvia publishes no lengths; what it did not say is empty."""
    return {name: (value or "")[:255] for name, value in values.items()}


def locked(lead_id: str) -> Contact:
    """Return a lead's contact, which no other receiver changes until this one's transaction ends."""
    contact, _ = Contact.objects.select_for_update().get_or_create(lead_id=lead_id)
    return contact


def change(contact: Contact, **values: Any) -> Contact:
    """Write these values, and no others."""
    for name, value in values.items():
        setattr(contact, name, value)
    contact.save(update_fields=list(values))
    return contact


@receiver(lead_created)
@receiver(event_received, topics=["lead.updated", "lead.archived"])
def save_contact(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Create the lead's contact, or bring it up to date."""
    lead = event.lead
    if lead is None:
        return None
    values = fitting(name=lead.name, email=lead.email, phone=lead.phone, status=lead.status)
    if lead.lead_id is None:
        # Nothing to recognise the lead by; one person twice is better than two people in one row.
        return Contact.objects.create(**values)
    contact = locked(lead.lead_id)
    # Asked under the lock: what has not arrived yet will find this written.
    return contact if event.is_superseded else change(contact, **values)


@receiver(quote_updated)
def save_quote_status(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Note on the contact how its latest quote stands."""
    quote = event.quote
    if quote is None or quote.lead_id is None:
        return None
    contact = locked(quote.lead_id)
    return contact if event.is_superseded else change(contact, **fitting(quote_status=quote.status))


@receiver(interaction_resolved)
def save_resolved_at(sender: type[Event], event: Event, **kwargs: Any) -> Contact | None:
    """Note on the contact when its latest conversation was resolved."""
    interaction = event.interaction
    if interaction is None or interaction.lead_id is None:
        return None
    contact, moment = locked(interaction.lead_id), event.occurred_at or event.received_at
    # It was resolved then, whatever has happened to the lead since.
    is_latest = contact.last_resolved_at is None or contact.last_resolved_at < moment
    return change(contact, last_resolved_at=moment) if is_latest else contact


@receiver(person_erased)
def forget_contacts(
    sender: type[Event], lead_ids: frozenset[str], phones: frozenset[str], emails: frozenset[str], **kwargs: Any
) -> None:
    """Delete the contacts of a person who was erased; one without a lead's id by its number or address."""
    without_id = Q(lead_id=None) & (Q(phone__in=phones) | Q(email__in=emails))
    Contact.objects.filter(Q(lead_id__in=lead_ids) | without_id).delete()
