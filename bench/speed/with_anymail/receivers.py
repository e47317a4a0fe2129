"""django-anymail with a receiver that stores: its own docs' way, in the request."""

from __future__ import annotations

from typing import Any

from anymail.signals import tracking
from django.dispatch import receiver

from bench.speed.contacts.models import Notification


@receiver(tracking)
def store(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    Notification.objects.create(payload=event.esp_event)
