from __future__ import annotations

from typing import ClassVar

from django.db import models


class Effect(models.Model):
    """What one run of a receiver did to the database; nothing here is unique, so that a second one is seen."""

    event_id = models.BigIntegerField()
    receiver = models.CharField(max_length=50)

    objects: ClassVar[models.Manager[Effect]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.receiver} of event {self.event_id}"
