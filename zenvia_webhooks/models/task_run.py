from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class TaskRun(models.Model):
    """The last run of a task: the heartbeat of beat and workers, and the progress of long jobs.

    One row a task, overwritten by its next run, so the table does not grow. Times are the database's.
    """

    #: What ran, such as `heartbeat.WORKER`.
    task = models.CharField(_("task"), max_length=100, unique=True)
    started_at = models.DateTimeField(_("started at"))
    #: None while it runs, and for a heartbeat.
    finished_at = models.DateTimeField(_("finished at"), null=True, default=None)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    #: None where nobody counted beforehand.
    total = models.PositiveBigIntegerField(_("total"), null=True, default=None)
    #: For people; a worker's says which receivers are connected in it.
    note = models.TextField(_("note"), blank=True)

    objects: ClassVar[models.Manager[TaskRun]] = models.Manager()

    class Meta:
        verbose_name = _("task run")
        verbose_name_plural = _("task runs")

    def __str__(self) -> str:
        return self.task
