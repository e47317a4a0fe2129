from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Recovery(models.Model):
    """How far what Zenvia lists has been compared with what is stored, and recovered: one row an account and runner.

    Overwritten by the next run, so the table does not grow. Nothing of a person's is in it.
    """

    class Runner(models.TextChoices):
        #: `recover_events`, for accounts with RECOVER.
        TASK = "task", _("task")
        #: `zenvia_recover --apply`.
        COMMAND = "command", _("command")

    account = models.CharField(_("account"), max_length=100)
    runner = models.CharField(_("runner"), max_length=10, choices=Runner.choices)
    #: The span that is being compared, or was last.
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"))
    #: Name of a list → how far back from `until` it has been read whole, in ISO 8601.
    read_back_to = models.JSONField(_("read back to"), default=dict)
    #: Name of a list → {"listed", "here", "recovered"}, of this span.
    counts = models.JSONField(_("counts"), default=dict)
    #: What arrived at Zenvia before this has been compared, without a gap since the first run.
    whole_until = models.DateTimeField(_("whole until"), null=True, default=None)
    started_at = models.DateTimeField(_("started at"))
    #: When the run last gave a sign of life.
    seen_at = models.DateTimeField(_("seen at"))
    #: None until the span is whole.
    finished_at = models.DateTimeField(_("finished at"), null=True, default=None)
    #: Why the last run ended before the span was whole; empty while it runs and if it was.
    error = models.TextField(_("error"), blank=True)

    objects: ClassVar[models.Manager[Recovery]] = models.Manager()

    class Meta:
        verbose_name = _("recovery")
        verbose_name_plural = _("recoveries")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["account", "runner"], name="zenvia_one_recovery"),
        ]

    def __str__(self) -> str:
        return f"{self.account} by {self.runner}"
