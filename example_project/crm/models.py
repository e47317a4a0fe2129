from typing import ClassVar

from django.db import models


class Contact(models.Model):
    """A person who asked, as Zenvia told us."""

    # Null where Zenvia sent none: unique all the same for those that have one.
    lead_id = models.CharField("lead id", max_length=255, unique=True, null=True, blank=True)
    name = models.CharField(max_length=255, blank=True)
    email = models.CharField("e-mail", max_length=255, blank=True)
    phone = models.CharField(max_length=255, blank=True)
    # As Zenvia names it, such as "followUp" or "archived".
    status = models.CharField(max_length=255, blank=True)
    quote_status = models.CharField(max_length=255, blank=True)
    last_resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Contact"]] = models.Manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name or f"Contact {self.pk}"
