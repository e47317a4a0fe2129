from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.models.event import Event
from zenvia_webhooks.models.fields import SafeCharField, SafeTextField
from zenvia_webhooks.signals import MAX_NAME_LENGTH

logger = logging.getLogger(__name__)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def succeeded(self) -> DeliveryQuerySet:
        return self.filter(status=Delivery.Status.SUCCEEDED)

    def open(self) -> DeliveryQuerySet:
        return self.filter(status=Delivery.Status.RETRYING)

    def names(self) -> set[str]:
        """Return the names of the receivers."""
        return set(self.values_list("receiver", flat=True))

    def reopen(self, event: Event, names: Iterable[str], due_at: datetime) -> None:
        """Have these receivers of an event attempted at `due_at` as if for the first time."""
        reopened = {
            "status": Delivery.Status.RETRYING,
            "attempts": 0,
            "next_attempt_at": due_at,
            "finished_at": None,
            "error": "",
        }
        for name in names:
            self.update_or_create(event=event, receiver=name, defaults=reopened)


class Delivery(models.Model):
    """The handing of one event to one receiver, and how that went."""

    class Status(models.TextChoices):
        #: Open: it will be attempted at `next_attempt_at`.
        RETRYING = "retrying", _("trying again")
        SUCCEEDED = "succeeded", _("delivered")
        #: Attempted as often as `RETRY_DELAYS` allows, or given up by its receiver.
        FAILED = "failed", _("failed")
        #: Like failed, and the receiver was not connected in the worker at the last attempt.
        GONE = "gone", _("receiver is gone")

    event = models.ForeignKey(Event, verbose_name=_("event"), on_delete=models.CASCADE, related_name="deliveries")
    receiver = SafeCharField(
        _("receiver"), max_length=MAX_NAME_LENGTH, help_text=_("Its dispatch_uid, or its dotted path.")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RETRYING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    duration_ms = models.PositiveIntegerField(
        _("duration in milliseconds"), null=True, help_text=_("Of the last attempt.")
    )
    error = SafeTextField(_("error"), blank=True, help_text=_("Of the last failed attempt."))
    #: `app_label.model:primary key`.
    result = SafeCharField(
        _("result"), max_length=255, blank=True, help_text=_("The object that the receiver returned, if any.")
    )
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects: ClassVar[models.Manager[Delivery]] = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "receiver"], name="zenvia_one_delivery_a_receiver"),
        ]

    def __str__(self) -> str:
        return f"#{self.event_id} → {self.receiver}"

    @property
    def result_object(self) -> models.Model | None:
        """The model instance that the receiver returned; None if there is none, or none any more."""
        label, _colon, pk = self.result.partition(":")
        try:
            found: models.Model | None = apps.get_model(label)._default_manager.filter(pk=pk).first()
        except (LookupError, ValueError):
            return None
        return found


def result_of(returned: object) -> str:
    """Return what `Delivery.result` keeps of a receiver's return value. Raises nothing: the receiver has succeeded."""
    if not isinstance(returned, models.Model):
        return ""
    try:
        text = "" if returned.pk is None else f"{returned._meta.label_lower}:{returned.pk}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        # A key of the host's own, whose code may raise anything.
        logger.exception("the key of a %s that a receiver returned can't be written", type(returned).__name__)
        return ""
    return text if len(text) <= 255 else ""
