from __future__ import annotations

from celery import shared_task
from django.db import transaction
from django.utils.timezone import now

from bench.speed.by_hand.models import Lead
from bench.speed.contacts.receiver import save_contact


@shared_task(autoretry_for=(Exception,), retry_backoff=True, max_retries=8)
def handle_lead(pk: int) -> None:
    lead = Lead.objects.get(pk=pk)
    if lead.processed_at is not None:
        return
    with transaction.atomic():
        save_contact(lead.lead_id, lead.name)
        lead.processed_at = now()
        lead.save(update_fields=["processed_at"])
