"""How each receiver fared with a test event."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import router
from django.utils.translation import gettext as _

from zenvia_webhooks.diagnosis.workers import how_to_connect
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.people.masking import hide
from zenvia_webhooks.redaction import first_line
from zenvia_webhooks.test_event.step import State, Step

Status = Delivery.Status


def had_it(event: Event | None, *, sees: bool) -> Iterator[Step]:
    """Yield a step for each receiver that has it, or had it; else one that says why there is none."""
    title = _("Receivers")
    rows = list(event.deliveries.using(router.db_for_write(Delivery)).order_by("pk")) if event else []
    for row in rows:
        yield _step(row, sees=sees)
    if event is not None and event.status == Event.Status.UNHANDLED:
        text = _("No receiver is connected for this topic in the worker.")
        yield Step(title=title, state=State.WRONG, text=text, fix=how_to_connect())
    elif not rows:
        yield Step(title=title, state=State.OPEN)


def _step(row: Delivery, *, sees: bool) -> Step:
    error = first_line(row.error) if sees else hide(row.error)
    if row.status in (Status.SUCCEEDED, Status.DISMISSED):
        words = {"milliseconds": row.duration_ms or 0}
        return Step(title=row.receiver, state=State.DONE, text=_("It succeeded, in %(milliseconds)d ms.") % words)
    if row.status == Status.RETRYING and not row.error:
        return Step(title=row.receiver, state=State.WAITING, text=_("It runs, or will run next."))
    if row.status == Status.RETRYING:
        text = _("It failed, and is attempted again.")
        fix = _("Mend it, restart the worker, and replay the event or wait for the next attempt.")
    elif row.status == Status.GONE:
        text = _("It is not connected in the worker.")
        fix = how_to_connect()
    else:
        text = _("It failed, and was given up.")
        fix = _("Mend it, restart the worker, and replay the event.")
    return Step(title=row.receiver, state=State.WRONG, text=text, detail=error, fix=fix, event=row.event_id)
