from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models, router, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import wakeup
from zenvia_webhooks.contracts import get_envelope
from zenvia_webhooks.contracts.base import Envelope
from zenvia_webhooks.contracts.summary import MAX_LENGTH as MAX_SUMMARY_LENGTH
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote
from zenvia_webhooks.models.about import RARE_STATUSES, EventQuerySet
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.models.fields import (
    BytesField,
    DigestField,
    SafeCharField,
    SafeJSONField,
    SafeTextField,
    SparseIndex,
)
from zenvia_webhooks.models.subscription import Subscription
from zenvia_webhooks.signals import ReceiverFunction, receiver_name, receivers_of

MAX_TOPIC_LENGTH = 100
#: 120 bits. With the byte of its length, PostgreSQL's index holds it in 16, where one more byte would take 24.
FINGERPRINT_BYTES = 15


class Event(models.Model):
    """One stored notification.

    Whoever holds the subscription's token sent what is in `payload`, `body` and `headers`: Zenvia signs nothing.
    """

    class Status(models.TextChoices):
        #: Stored; not every receiver has had its first attempt.
        PENDING = "pending", _("waiting")
        #: Some receiver failed and will be attempted again.
        RETRYING = "retrying", _("trying again")
        #: Every receiver succeeded.
        DISPATCHED = "dispatched", _("delivered")
        #: No receiver was connected to the topic's own signal.
        UNHANDLED = "unhandled", _("nobody listens")
        #: Some receiver failed for good.
        FAILED = "failed", _("failed")
        #: Kept, but not understood: no JSON object, or one in no known envelope.
        QUARANTINED = "quarantined", _("not understood")
        #: What it said about a person is deleted. With a claim: it will be, by whoever releases it.
        ERASED = "erased", _("erased")

    class Origin(models.TextChoices):
        #: Zenvia posted it.
        WEBHOOK = "webhook", _("webhook")
        #: Its webhook never came: it was found in what Zenvia lists.
        RECOVERED = "recovered", _("recovered")
        #: This site sent it to itself.
        TEST = "test", _("test")

    account = models.CharField(_("account"), max_length=100)
    subscription = models.ForeignKey(
        Subscription,
        verbose_name=_("subscription"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="events",
    )
    contract = models.CharField(
        _("contract"),
        max_length=20,
        blank=True,
        help_text=_("Which of Zenvia's APIs sent it. Empty while quarantined."),
    )
    topic = SafeCharField(_("topic"), max_length=MAX_TOPIC_LENGTH, blank=True, help_text=_("Empty while quarantined."))
    occurred_at = models.DateTimeField(_("occurred at"), null=True, help_text=_("When it happened, as Zenvia says."))
    #: Made safe for every database: see `safe_json.make_safe` and `SafeJSONField`.
    payload = SafeJSONField(
        _("payload"), null=True, help_text=_("What Zenvia sent, as JSON. Empty if the body is no JSON object.")
    )
    body = BytesField(_("body"), help_text=_("The exact bytes that Zenvia sent."))
    headers = SafeJSONField(_("headers"), default=dict, help_text=_("Those of the setting STORED_HEADERS."))
    remote_addr = models.GenericIPAddressField(_("remote address"), null=True)
    #: See `intake.fingerprint`.
    fingerprint = DigestField(
        _("fingerprint"),
        max_length=FINGERPRINT_BYTES,
        unique=True,
        help_text=_("The same for every repetition of a notification."),
    )
    # What nearly all new rows have in common is the database's default, too: it need not be sent.
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.PENDING, db_default=Status.PENDING
    )
    #: The queue: a row is due if this is past, by the database's clock.
    next_attempt_at = models.DateTimeField(
        _("next attempt at"),
        null=True,
        help_text=_("While a worker has it, when others may take it over. Empty once it is finished."),
    )
    claim = models.UUIDField(_("claim"), null=True, help_text=_("Set while a worker has it."))
    received_at = models.DateTimeField(_("received at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    duplicates = models.PositiveIntegerField(
        _("duplicates"), default=0, db_default=0, help_text=_("How often the same notification came again.")
    )
    error = SafeTextField(_("error"), blank=True, default="", db_default="", help_text=_("Why it is quarantined."))
    origin = models.CharField(
        _("origin"),
        max_length=10,
        choices=Origin.choices,
        default=Origin.WEBHOOK,
        db_default=Origin.WEBHOOK,
        help_text=_("How it came here."),
    )
    #: See `contracts.summary`. So that a list need not read what may be 256 KB a row.
    summary = SafeCharField(
        _("summary"),
        max_length=MAX_SUMMARY_LENGTH,
        blank=True,
        help_text=_("What a list shows of the person: a name, and a number or an address."),
    )
    #: Of two about the same object, one of them recovered. Of a recovered one that receivers had or will have: its own.
    same_as = models.BigIntegerField(
        _("same as"), null=True, help_text=_("The event about the same object that receivers had in its place.")
    )

    objects: ClassVar[models.Manager[Event]] = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("view_payload", _("Can see the people in events")),
            ("replay_event", _("Can replay events")),
            ("erase_person", _("Can erase a person from events")),
        ]
        indexes: ClassVar[list[models.Index]] = [
            SparseIndex(fields=["next_attempt_at"], of="next_attempt_at", name="zenvia_event_due"),
            # For stalled events: few rows have a claim, however many are due.
            SparseIndex(fields=["next_attempt_at"], of="claim", name="zenvia_event_claimed"),
            # Ascending, as they come: an index that grows at its other end is left half empty.
            models.Index(fields=["received_at", "id"], name="zenvia_event_received"),
            # For lists: of what few events have, however many are stored. Those that are due have an index above.
            models.Index(fields=["topic", "id"], name="zenvia_event_topic"),
            SparseIndex(fields=["status", "id"], of="status", values=RARE_STATUSES, name="zenvia_event_rare"),
            SparseIndex(
                fields=["topic", "status", "id"], of="status", values=RARE_STATUSES, name="zenvia_event_rare_topic"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic or self.status} #{self.pk}"

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        """Read the row again, or what of it was left out, as a worker leaves the body out until a receiver asks for it.

        Not from a replica, which may not have the event yet.
        """
        if from_queryset is None:
            using = using or router.db_for_write(Event, instance=self)
        # In a transaction, as a pooler may send a read outside of one to a replica.
        with transaction.atomic(using=using):
            super().refresh_from_db(using, fields, from_queryset)

    @property
    def data(self) -> dict[str, Any]:
        """The business object of the envelope; empty if there is none."""
        reader = self._reader
        return reader.data(self.payload or {}) if reader else {}

    @property
    def lead(self) -> Lead | None:
        """The lead that it is about. Never None for `lead.*`."""
        reader = self._reader
        return reader.lead(self.topic, self.payload or {}) if reader else None

    @property
    def quote(self) -> Quote | None:
        """The quote that it is about. Never None for `quote.*`."""
        reader = self._reader
        return reader.quote(self.topic, self.payload or {}) if reader else None

    @property
    def interaction(self) -> Interaction | None:
        """What happened with the lead. Never None for `interaction.*` and `lead.archived`."""
        reader = self._reader
        return reader.interaction(self.topic, self.payload or {}) if reader else None

    @property
    def object_id(self) -> str | None:
        """What `data` is, such as "lead:65c2390c"; None where it does not say."""
        reader = self._reader
        return reader.object_id(self.topic, self.payload or {}) if reader else None

    @property
    def is_superseded(self) -> bool:
        """Whether a newer event about the same object, that of `data`, has arrived.

        Newer is what happened later, by Zenvia's word (`occurred_at`); equal or absent times supersede nothing. It is
        asked anew each time: a receiver that locks its own row first, and asks then, leaves no gap between both. One
        that has arrived and that no worker has taken up yet may be missing; its receivers run after this.
        """
        if self.occurred_at is None or self._state.adding:
            return False
        # Not from a replica, which may not know yet what has arrived.
        using = router.db_for_write(Event, instance=self)
        mine = self.keys.using(using).filter(kind="object").values_list("digest", flat=True).first()
        if mine is None:
            return False
        of_object = Event.objects.using(using).filter(keys__kind="object", keys__digest=mine)
        return of_object.filter(occurred_at__gt=self.occurred_at).exists()

    @property
    def _reader(self) -> Envelope | None:
        return get_envelope(self.contract) if isinstance(self.payload, dict) else None

    def is_held_at(self, moment: datetime) -> bool:
        """Tell whether a worker has it at a moment of the database's clock: its claim is set and the lease not over."""
        return self.claim is not None and self.next_attempt_at is not None and self.next_attempt_at > moment

    def idempotency_key(self, receiver: str | ReceiverFunction) -> str:
        """Return a UUID, the same in every attempt and replay of this event by a receiver, given it or its name.

        For outside systems that drop what they have seen under the same key.
        """
        name = receiver if isinstance(receiver, str) else receiver_name(receiver)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"zenvia-webhooks:{self.fingerprint.hex()}:{name}"))

    def replay(
        self, receivers: Iterable[str] | None = None, *, again: bool = True, due_at: datetime | None = None
    ) -> list[str]:
        """Hand the event to receivers again; return their names.

        `receivers` are names, and each runs again. By default, every one connected in this process that has not
        succeeded and was not dismissed. None, and an empty list, while the event is pending, in a worker's hands,
        quarantined or erased.
        Without `again`, none that has succeeded, even if it is named. `due_at` is its place in the queue, by default
        the end.
        Raises ValueError for a name that is neither connected here nor had the event before.
        """
        status = self.Status
        using = router.db_for_write(Event, instance=self)
        events = Event.objects.using(using).filter(pk=self.pk)
        with transaction.atomic(using=using):
            locked = events.locked().annotate(now=DatabaseNow()).first()
            if locked is None:
                return []  # purged meanwhile
            if locked.is_held_at(locked.now) or locked.status in (status.PENDING, status.QUARANTINED, status.ERASED):
                return []
            names = locked._to_replay(receivers, again, using)
            if names:
                # Written here: a worker of a former release, which does not know a receiver yet, then fails the attempt
                # where it would have lost it.
                locked.deliveries.using(using).reopen(locked, names, locked.now)
                when = due_at or locked.now
                events.update(status=status.RETRYING, next_attempt_at=when, claim=None, finished_at=None)
                wakeup.after_commit(using=using)
        return names

    def _to_replay(self, receivers: Iterable[str] | None, again: bool, using: str) -> list[str]:
        deliveries = self.deliveries.using(using)
        known, succeeded = deliveries.names(), deliveries.succeeded().names()
        connected = receivers_of(self, Event)
        if receivers is None:
            settled = succeeded | deliveries.dismissed().names()
            return [name for name in connected if name not in settled]
        names = list(dict.fromkeys(receivers))
        if unknown := set(names) - known - set(connected):
            there_are = ", ".join(sorted({*known, *connected})) or gettext("none")
            text = gettext("No receiver is named %(names)s. There are: %(there_are)s.")
            raise ValueError(text % {"names": ", ".join(sorted(unknown)), "there_are": there_are})
        return [name for name in names if again or name not in succeeded]
