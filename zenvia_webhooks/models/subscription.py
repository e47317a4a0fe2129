from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date
from typing import ClassVar

from django.db import models
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zenvia_webhooks.callback import callback_url, good_base, is_here
from zenvia_webhooks.models.fields import SafeCharField, SafeTextField


def new_token() -> str:
    """Return a secret of 256 bits in lowercase hex."""
    return secrets.token_hex(32)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def with_token(self, token: str) -> Subscription | None:
        """Return the subscription that a webhook's token is good for, with one indexed query."""
        found = self.filter(models.Q(token=token) | models.Q(previous_token=token))
        return next((row for row in found if row.accepts(token)), None)

    def of_this_site(self, account: str) -> list[Subscription]:
        """Return an account's subscriptions that are not inactive, but for foreign ones that may be at Zenvia."""
        rows = self.filter(account=account).exclude(status=Subscription.Status.INACTIVE).order_by("pk")
        return [row for row in rows if row.is_gone or not row.is_foreign]

    def in_use(self, account: str, topics: Iterable[str]) -> list[Subscription]:
        """Return an account's subscriptions that hold one of these topics for this site, and are not inactive."""
        # Few rows, and no JSON `contains` on SQLite.
        return [row for row in self.of_this_site(account) if not set(row.topics).isdisjoint(topics)]


class Subscription(models.Model):
    """Our row for a registration at Zenvia.

    The row is committed before Zenvia is called, and removed only after Zenvia's yes. Zenvia owns `remote_id`.
    """

    class Status(models.TextChoices):
        #: Zenvia was, or is being, called; whether it has the registration is not known.
        PENDING = "pending", _("pending")
        ACTIVE = "active", pgettext_lazy("status of a subscription", "active")
        #: Removed at Zenvia at our wish; its token is dead.
        INACTIVE = "inactive", _("inactive")
        #: It was active, and Zenvia no longer lists it.
        MISSING = "missing", _("missing")
        #: Zenvia refused it.
        FAILED = "failed", _("failed")

    class Wish(models.TextChoices):
        """What a person wants of it at Zenvia. What is not so yet, the next look at Zenvia's list brings about."""

        REGISTERED = "registered", _("registered")
        INACTIVE = "inactive", _("inactive")
        DELETED = "deleted", _("deleted")

    account = models.CharField(_("account"), max_length=100, default="default")
    contract = models.CharField(
        _("contract"),
        max_length=20,
        blank=True,
        help_text=_("Which of Zenvia's APIs it was registered with: there it is looked for, and removed."),
    )
    #: Canonical topics; exactly one under the contract `help_center`.
    topics = models.JSONField(_("topics"), default=list)
    token = models.CharField(_("token"), max_length=64, unique=True, default=new_token, editable=False)
    # Null, as it is unique.
    previous_token = models.CharField(  # noqa: DJ001
        _("previous token"), max_length=64, unique=True, null=True, default=None, editable=False
    )
    #: None with a previous token: good until the new registration has been seen.
    previous_token_expires_at = models.DateTimeField(
        _("previous token expires at"), null=True, default=None, editable=False
    )
    #: How long the previous token stays good once the new registration has been seen.
    overlap = models.DurationField(_("overlap"), null=True, default=None, editable=False)
    #: What a change of this registration, under way or just made, replaces: empty once that is gone from Zenvia.
    previous_url = models.CharField(_("previous URL"), max_length=1000, blank=True, editable=False)
    previous_topics = models.JSONField(_("previous topics"), null=True, default=None, editable=False)
    remote_id = SafeCharField(
        _("id at Zenvia"), max_length=255, blank=True, help_text=_("Empty for one that was registered manually.")
    )
    #: The callback URL that Zenvia was told.
    registered_url = models.CharField(_("registered URL"), max_length=1000, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)
    wish = models.CharField(_("wish"), max_length=20, choices=Wish.choices, default=Wish.REGISTERED, editable=False)
    absent_since = models.DateTimeField(
        _("absent since"), null=True, default=None, help_text=_("When Zenvia's list was first seen without it.")
    )
    last_error = SafeTextField(_("last error"), blank=True)
    last_synced_at = models.DateTimeField(_("last compared with Zenvia at"), null=True, default=None)
    last_event_at = models.DateTimeField(
        _("last event at"), null=True, default=None, help_text=_("Written at most once a minute.")
    )
    #: Bytes that it stored, see `Intake`, on the day `stored_on`, by UTC: as far as its processes have told.
    stored_bytes = models.PositiveBigIntegerField(_("stored bytes"), default=0, editable=False)
    stored_on = models.DateField(_("stored on"), null=True, default=None, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects: ClassVar[models.Manager[Subscription]] = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return f"{', '.join(self.topics)} ({self.account})"

    @property
    def callback_url(self) -> str:
        """Return the URL that Zenvia is to call, token included.

        Raises ZenviaConfigurationError without `CALLBACK_BASE_URL`, or without our URLs in the URLconf.
        """
        return callback_url(self.token)

    @property
    def is_here(self) -> bool:
        """Whether it was last registered for this site; False without a (good) `CALLBACK_BASE_URL`."""
        return is_here(self.registered_url)

    @property
    def is_foreign(self) -> bool:
        """Whether it is another site's, as in a copied database: what it stands for at Zenvia is left alone."""
        may_be_there = self.status not in (self.Status.INACTIVE, self.Status.FAILED)
        return may_be_there and bool(self.registered_url) and good_base() is not None and not self.is_here

    @property
    def is_gone(self) -> bool:
        """Whether it stands for nothing at Zenvia: refused, or no longer listed."""
        return self.status in (self.Status.FAILED, self.Status.MISSING)

    @property
    def is_ending(self) -> bool:
        """Whether its removal was asked for and is not confirmed yet."""
        return self.wish != self.Wish.REGISTERED

    @property
    def is_changing(self) -> bool:
        """Whether a change of a registration is under way: what it replaces may still be at Zenvia."""
        return self.status == self.Status.PENDING and bool(self.previous_url)

    @property
    def is_manual(self) -> bool:
        """Whether it was registered at Zenvia by a person: active, but we know no id of Zenvia's."""
        return self.status == self.Status.ACTIVE and not self.remote_id

    def bytes_stored_on(self, day: date) -> int:
        """Return how many bytes it stored on a day that is, or was, today."""
        return self.stored_bytes if self.stored_on == day else 0

    def accepts(self, token: str) -> bool:
        """Tell whether a webhook with this token must be stored.

        True in every status but inactive: Zenvia may post before we have saved its answer to the registration.
        """
        if self.status == self.Status.INACTIVE:
            return False
        if constant_time_compare(token, self.token):
            return True
        overlap_ends = self.previous_token_expires_at
        return (
            self.previous_token is not None
            and constant_time_compare(token, self.previous_token)
            and (overlap_ends is None or now() < overlap_ends)
        )
