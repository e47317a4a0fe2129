from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Notification(models.Model):
    """What the ceiling and the yardsticks without a table of their own store of a webhook."""

    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Notification]] = models.Manager()

    def __str__(self) -> str:
        return f"notification {self.pk}"


class Contact(models.Model):
    """What a receiver makes of a lead; the time tells when it ran."""

    lead_id = models.CharField(max_length=100)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[models.Manager[Contact]] = models.Manager()

    def __str__(self) -> str:
        return f"contact {self.pk}"
