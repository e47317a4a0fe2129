"""What the pictured site does besides its CRM: one receiver is out of order, and one gives some people up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from zenvia_webhooks.exceptions import GiveUp
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created, message_received, message_sent, quote_updated

ERP, GREETING, INBOX = "erp.receivers.send_to_erp", "crm.receivers.send_greeting", "crm.receivers.note_message"
#: How a number ends that no greeting reaches.
NOT_REACHED = "00007"
#: So long has the ERP not answered.
OUTAGE = timedelta(minutes=50)


def send_to_erp(sender: Any, event: Event, **kwargs: Any) -> None:
    if event.received_at > now() - OUTAGE:
        raise ConnectionError("erp.example.com:443: connection refused")


def send_greeting(sender: Any, event: Event, **kwargs: Any) -> None:
    if event.lead and event.lead.phone and event.lead.phone.endswith(NOT_REACHED):
        raise GiveUp("the number is not on WhatsApp")


def note_message(sender: Any, event: Event, **kwargs: Any) -> None:
    """Take a message."""


def connect() -> None:
    for signal in (lead_created, quote_updated):
        signal.connect(send_to_erp, dispatch_uid=ERP)
    lead_created.connect(send_greeting, dispatch_uid=GREETING)
    for signal in (message_received, message_sent):
        signal.connect(note_message, dispatch_uid=INBOX)
