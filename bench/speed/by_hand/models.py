from __future__ import annotations

from typing import ClassVar

from django.db import models


class Lead(models.Model):
    topic = models.CharField(max_length=100)
    event_time = models.DateTimeField()
    lead_id = models.CharField(max_length=100, db_index=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=50, blank=True)
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Lead]] = models.Manager()

    def __str__(self) -> str:
        return f"lead {self.pk}"
