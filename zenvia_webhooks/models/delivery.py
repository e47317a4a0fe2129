from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from django.apps import apps
from django.db import connections, models, router, transaction
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.models.event import Event
from zenvia_webhooks.models.fields import SafeCharField, SafeTextField, SparseIndex, StoredField
from zenvia_webhooks.models.walk import WalkQuerySet
from zenvia_webhooks.signals import MAX_NAME_LENGTH, event_received, message_sent, signals_of

logger = logging.getLogger(__name__)

#: What a receiver's delivery is while it has not succeeded, and somebody wants it to.
NOT_SUCCEEDED = ("retrying", "failed", "gone")
#: What few deliveries are on a site where all is well: they have an index of their own.
UNUSUAL = (*NOT_SUCCEEDED, "dismissed")


def stored_name(receiver: str, using: str) -> str:
    """Return a receiver's name as its column has it: in ASCII what that can't hold."""
    field = Delivery._meta.get_field("receiver")
    return str(field.get_db_prep_value(receiver, connections[using]))


class DeliveryQuerySet(WalkQuerySet["Delivery"]):
    def succeeded(self) -> DeliveryQuerySet:
        return self.filter(status=Delivery.Status.SUCCEEDED)

    def of_status(self, status: str) -> DeliveryQuerySet:
        """Return those of a status; those of `UNUSUAL` through an index."""
        if status not in UNUSUAL:
            return self.filter(status=status)
        return self.filter(status__in=UNUSUAL).hold("status", status)

    def open(self) -> DeliveryQuerySet:
        return self.filter(status=Delivery.Status.RETRYING)

    def dismissed(self) -> DeliveryQuerySet:
        return self.filter(status=Delivery.Status.DISMISSED)

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
            "traceback": "",
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
        #: Ended by a person: see `dismiss`.
        DISMISSED = "dismissed", _("dismissed")

    # Its index is the constraint's.
    event = models.ForeignKey(
        Event, verbose_name=_("event"), on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    receiver = SafeCharField(
        _("receiver"), max_length=MAX_NAME_LENGTH, help_text=_("Its dispatch_uid, or its dotted path.")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.RETRYING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True)
    duration_ms = models.PositiveIntegerField(
        _("duration in milliseconds"), null=True, help_text=_("Of the last attempt.")
    )
    error = SafeTextField(_("error"), blank=True, default="", db_default="", help_text=_("Of the last failed attempt."))
    #: See `dispatch.frames`.
    traceback = SafeTextField(
        _("traceback"),
        blank=True,
        default="",
        db_default="",
        help_text=_("Where the last failed attempt broke: frames, and lines of code."),
    )
    #: `app_label.model:primary key`.
    result = SafeCharField(
        _("result"),
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text=_("The object that the receiver returned, if any."),
    )
    finished_at = models.DateTimeField(_("finished at"), null=True)
    #: The receiver while it has not succeeded, else NULL: written by the database, for an index.
    failing_receiver = StoredField(
        expression=models.Case(models.When(status__in=NOT_SUCCEEDED, then="receiver")),
        output_field=models.CharField(max_length=MAX_NAME_LENGTH),
        db_persist=True,
    )

    objects: ClassVar[models.Manager[Delivery]] = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "receiver"], name="zenvia_one_delivery_a_receiver"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            SparseIndex(fields=["status", "id"], of="status", values=UNUSUAL, name="zenvia_delivery_unusual"),
            SparseIndex(fields=["failing_receiver", "event"], of="failing_receiver", name="zenvia_delivery_failing"),
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

    def dismiss(self) -> bool:
        """End a delivery that has not succeeded and that nobody needs any more, such as a renamed receiver's.

        It counts as done from then on: the event's status follows, and only a replay by name brings it back. False, and
        nothing is changed, where it is done already, and while a worker has the event or the event is erased.
        """
        using = router.db_for_write(Delivery, instance=self)
        events = Event.objects.using(using).filter(pk=self.event_id)
        done = (Delivery.Status.SUCCEEDED, Delivery.Status.DISMISSED)
        with transaction.atomic(using=using):
            event = events.locked().annotate(now=DatabaseNow()).first()
            if event is None or event.is_held_at(event.now) or event.status == Event.Status.ERASED:
                return False
            rows = event.deliveries.using(using)
            ended = {"status": Delivery.Status.DISMISSED, "next_attempt_at": None, "finished_at": event.now}
            if not rows.filter(pk=self.pk).exclude(status__in=done).update(**ended):
                return False
            # Not every receiver of a pending event has a row yet.
            if event.status != Event.Status.PENDING:
                left = list(rows)
                due_at = min((row.next_attempt_at for row in left if row.next_attempt_at), default=None)
                events.update(
                    status=event_status(event, left),
                    next_attempt_at=due_at,
                    finished_at=None if due_at else event.finished_at or event.now,
                    # A stalled one stays stalled; a holder that is merely late can't write any more.
                    claim=uuid.uuid4() if due_at and event.claim else None,
                )
        self.refresh_from_db(using=using)
        return True


def event_status(event: Event, rows: Sequence[Delivery]) -> Event.Status:
    """Return an event's status by its deliveries, once each connected receiver has one."""
    statuses = {row.status for row in rows}
    if Delivery.Status.RETRYING in statuses:
        return Event.Status.RETRYING
    if statuses & {Delivery.Status.FAILED, Delivery.Status.GONE}:
        return Event.Status.FAILED
    own = signals_of(event)
    # What a site sends itself, and a lead that is put away, need nobody.
    if set(own) - {message_sent} and event.topic != "lead.archived":
        # A mere logger on `event_received` does not hide that nobody takes leads. What is connected to neither here
        # was connected to a signal of the event's own elsewhere, or before.
        own_names = {receiver.name for signal in own for receiver in signal.connected(Event)}
        everything = event_received.connected(Event)
        loggers = {receiver.name for receiver in everything if not receiver.is_bound_to(event.topic)} - own_names
        rows = [row for row in rows if row.receiver not in loggers]
    return Event.Status.DISPATCHED if rows else Event.Status.UNHANDLED


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
