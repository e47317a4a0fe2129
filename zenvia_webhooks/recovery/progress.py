"""How far the task is, in `TaskRun`: for those who look from outside."""

from __future__ import annotations

from django.db import router
from django.utils.timezone import now

from zenvia_webhooks.models import TaskRun
from zenvia_webhooks.recovery.report import Report
from zenvia_webhooks.schedule import RECOVER_TASK

#: `done` is of so many.
TOTAL = 100


def note_nothing_to_do() -> None:
    """Note that beat has had the task run, though no account has RECOVER: so the next run is known to come."""
    _write({"started_at": now()}, done=0, finished_at=now(), note="")


def _write(first: dict[str, object], **columns: object) -> None:
    TaskRun.objects.using(router.db_for_write(TaskRun)).update_or_create(
        task=RECOVER_TASK,
        defaults={**first, **columns, "total": TOTAL},
        create_defaults={"started_at": now(), **columns, "total": TOTAL},
    )


class TaskProgress:
    """The progress of one account's run, in hundredths."""

    def __init__(self, account: str) -> None:
        self._account, self._done = account, -1

    def __call__(self, part: float) -> None:
        """Write it down where it has moved."""
        done = int(part * TOTAL)
        if done != self._done:
            is_first, self._done = self._done < 0, done
            _write({"started_at": now()} if is_first else {}, done=done, finished_at=None, note=self._account)

    def end(self, report: Report) -> None:
        numbers = ", ".join(
            f"{count.here + count.recovered} of {count.listed} {name}" for name, count in report.counts.items()
        )
        _write(
            {},
            done=TOTAL if report.is_whole else max(self._done, 0),
            finished_at=now(),
            note=f"{self._account}: {numbers}",
        )
