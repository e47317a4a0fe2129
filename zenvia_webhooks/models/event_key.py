from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.models.event import Event
from zenvia_webhooks.models.fields import DigestField

#: 128 bits.
DIGEST_BYTES = 16


class EventKey(models.Model):
    """What an event can be found by: a keyed digest of an id, an address or a number, never the value itself.

    Of the lead and of the object that the event is about, never of a seller or the company's own number. See
    `people.keys` for what a digest is made of.
    """

    class Kind(models.TextChoices):
        #: What `event.data` is: a prospect, quote, interaction, agent or conversation, with its id.
        OBJECT = "object", _("object")
        #: The lead's id.
        LEAD = "lead", _("lead")
        EMAIL = "email", _("e-mail address")
        PHONE = "phone", _("phone number")

    # Its index is the constraint's.
    event = models.ForeignKey(
        Event, verbose_name=_("event"), on_delete=models.CASCADE, related_name="keys", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    digest = DigestField(_("digest"), max_length=DIGEST_BYTES)

    objects: ClassVar[models.Manager[EventKey]] = models.Manager()

    class Meta:
        verbose_name = _("event key")
        verbose_name_plural = _("event keys")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "kind", "digest"], name="zenvia_one_key_an_event"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["digest", "kind"], name="zenvia_event_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of #{self.event_id}"
