from __future__ import annotations

from typing import ClassVar

from django.db import models


class Run(models.Model):
    """One run of a receiver; nothing here is unique, so that a second one is seen."""

    event_id = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"event {self.event_id}"


class AtomicRun(Run):
    objects: ClassVar[models.Manager[AtomicRun]] = models.Manager()


class LoggedRun(Run):
    objects: ClassVar[models.Manager[LoggedRun]] = models.Manager()
