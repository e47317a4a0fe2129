from __future__ import annotations

import uuid

from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"customer {self.pk}"


class Order(models.Model):
    """Keyed by a UUID, as a host's models may be."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return f"order {self.pk}"
