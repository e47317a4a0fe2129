from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

from django.db import IntegrityError, connections, models, router, transaction
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.contracts.values import Lead
from zenvia_webhooks.models import statements
from zenvia_webhooks.models.fields import DigestField
from zenvia_webhooks.people import keys

logger = logging.getLogger(__name__)

#: What a key has: its event's id, its kind and its digest.
COLUMNS = ("event_id", "kind", "digest")
Row = tuple[int, str, bytes]


class KeysNotWrittenError(Exception):
    """The keys of some events could not be written."""


class Keyed(Protocol):
    """What keys are made of: an `Event`."""

    pk: Any
    account: str

    @property
    def lead(self) -> Lead | None: ...

    @property
    def object_id(self) -> str | None: ...


class EventKeyQuerySet(models.QuerySet["EventKey"]):
    def write(self, events: Iterable[Keyed]) -> None:
        """Write the keys of these events that they have not, in one INSERT.

        Before an event's first receiver runs, so that a receiver can go by them. One without keys is handed out all the
        same: it is only not found by them. So nothing is raised, unless the caller's transaction broke with it, which
        would otherwise end without an error and without what was written in it.
        """
        rows = _rows(events)
        if not rows:
            return
        try:
            try:
                self._insert_rows(rows)
            except IntegrityError:
                # One of the events was deleted meanwhile: the others are to have theirs.
                for row in rows:
                    self._insert_if_there(row)
        except Exception:
            logger.exception("the keys of %s events could not be written", len({event for event, *_of in rows}))
            connection = connections[router.db_for_write(EventKey)]
            # After a deadlock on MariaDB, and after a lost connection, there is no savepoint to go back to.
            if connection.in_atomic_block and connection.needs_rollback:
                raise

    def insert(self, events: Iterable[Keyed]) -> None:
        """Write them as `write()` does, in the present transaction, which is over if KeysNotWrittenError is raised."""
        try:
            if rows := _rows(events):
                statements.insert_missing(EventKey, COLUMNS, rows, using=router.db_for_write(EventKey))
        except Exception as error:
            raise KeysNotWrittenError from error

    def of(self, readings: Iterable[keys.Reading]) -> EventKeyQuerySet:
        """Return the keys that are any of these."""
        wanted = [models.Q(kind=one.kind, digest=one.digest) for one in readings]
        found: EventKeyQuerySet = self.filter(models.Q(*wanted, _connector=models.Q.OR)) if wanted else self.none()
        return found

    def floor(self, readings: Iterable[keys.Reading], newest: int) -> int:
        """Return an event's id above which are the newest that have any of these keys, so many if there are."""
        last: list[int] = []
        for one in readings:
            # One by one, as the index has each in the order of events.
            of_one = self.filter(kind=one.kind, digest=one.digest).order_by("-digest", "-kind", "-event")
            last += of_one.values_list("event", flat=True)[:newest]
        return sorted(set(last))[-newest] - 1 if len(set(last)) >= newest else 0

    def _insert_rows(self, rows: list[Row]) -> None:
        using = router.db_for_write(EventKey)
        # A savepoint, should the caller be in a transaction; and an event that was released unbegun has its keys.
        with transaction.atomic(using=using):
            statements.insert_missing(EventKey, COLUMNS, rows, using=using)

    def _insert_if_there(self, row: Row) -> None:
        try:
            self._insert_rows([row])
        except IntegrityError:
            logger.info("event %s was deleted before its keys were written", row[0])


class EventKey(models.Model):
    """What an event can be found by: a keyed digest of an id, an address or a number, never the value itself.

    Of the lead and of the object that the event is about, never of a seller or the company's own number. See
    `people.keys` for what a digest is made of.
    """

    class Kind(models.TextChoices):
        #: What `event.data` is: a prospect, quote, interaction, agent or conversation, with its id.
        OBJECT = keys.OBJECT, _("object")
        #: The lead's id.
        LEAD = keys.LEAD, _("lead")
        EMAIL = keys.EMAIL, _("e-mail address")
        PHONE = keys.PHONE, _("phone number")

    event = models.ForeignKey(
        "zenvia_webhooks.Event",
        verbose_name=_("event"),
        on_delete=models.CASCADE,
        related_name="keys",
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    digest = DigestField(_("digest"), max_length=keys.DIGEST_BYTES)

    objects: ClassVar[models.Manager[EventKey]] = EventKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("event key")
        verbose_name_plural = _("event keys")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # In this order, its index finds events by a key, the newest first.
            models.UniqueConstraint(fields=["digest", "kind", "event"], name="zenvia_one_key_an_event"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of #{self.event_id}"


def _rows(events: Iterable[Keyed]) -> list[Row]:
    # In one order for all, or two that write the same ones at once would wait for each other.
    return sorted((row for event in events for row in _keys_of(event)), key=lambda row: row[0])


def _keys_of(event: Keyed) -> list[Row]:
    try:
        return [(event.pk, one.kind, one.digest) for one in keys.stored(event.account, event.object_id, event.lead)]
    except Exception:
        logger.exception("event %s is handed out without keys", event.pk)
        return []
