"""Receivers: one is out of order, and one gives some people up."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils.timezone import now

from bench.screenshots.filling import NOT_REACHED, OUTAGE
from zenvia_webhooks.exceptions import GiveUp
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created, message_received, message_sent, quote_updated


@receiver([lead_created, quote_updated])
def send_to_erp(sender: Any, event: Event, **kwargs: Any) -> None:
    if event.received_at > now() - OUTAGE:
        raise ConnectionError("erp.example.com:443: connection refused")


@receiver(lead_created)
def send_greeting(sender: Any, event: Event, **kwargs: Any) -> None:
    if event.lead and event.lead.phone and event.lead.phone.endswith(NOT_REACHED):
        raise GiveUp("the number is not on WhatsApp")


@receiver([message_received, message_sent])
def note_message(sender: Any, event: Event, **kwargs: Any) -> None:
    """Take a message."""
