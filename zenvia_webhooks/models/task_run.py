from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.models.fields import SafeJSONField, SafeTextField

#: `TaskRun.task` of a subscription's last test event.
TEST_EVENT = "zenvia_webhooks.test_event: #{pk}"


class TaskRun(models.Model):
    """The last run of a task: the heartbeat of beat and workers, and the progress of long jobs.

    One row a task, overwritten by its next run, so the table does not grow. Times are the database's.
    """

    #: Such as `heartbeat.WORKER`.
    task = models.CharField(_("task"), max_length=100, unique=True, help_text=_("What ran."))
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(
        _("finished at"), null=True, default=None, help_text=_("Empty while it runs, and for a heartbeat.")
    )
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(
        _("total"), null=True, default=None, help_text=_("Empty if nobody counted beforehand.")
    )
    note = SafeTextField(_("note"), blank=True, help_text=_("A worker's says which receivers are connected in it."))
    #: What a long job was asked to do, and how far it is: see `replay.job`.
    state = SafeJSONField(_("state"), default=dict, help_text=_("Empty for what only gives signs of life."))

    objects: ClassVar[models.Manager[TaskRun]] = models.Manager()

    class Meta:
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")

    def __str__(self) -> str:
        return self.task
