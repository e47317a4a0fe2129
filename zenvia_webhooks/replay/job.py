"""The job that replays many events: one at a time on a site, kept in `TaskRun`, done a few events at a time.

What it was asked and how far it is stand in one row, which is written together with the events: whoever dies in
between, no event is replayed twice or left out. The messages of its task hold a number alone.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from zenvia_webhooks import wakeup
from zenvia_webhooks.models import Event, TaskRun
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.replay.again import read_again
from zenvia_webhooks.replay.selection import Selection
from zenvia_webhooks.schedule import REPLAY_TASK

logger = logging.getLogger(__name__)

#: Events that are read at a time.
BATCH = 20
#: A job that has given no sign of life for so long is taken up by the next sweep.
SILENCE = timedelta(seconds=30)
#: Events are counted up to this number.
MOST_COUNTED = 10_000


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody wants replayed."""

    selection: Selection
    #: One receiver alone; by default, each that has not succeeded.
    receiver: str = ""
    #: Whether that receiver runs again also where it has succeeded.
    again: bool = False


@dataclass(kw_only=True)
class State:
    """`TaskRun.state` of the job."""

    #: Each job has a higher one. A page that offers a replay names the last, so that no page starts two.
    number: int = 0
    #: Whoever has the latest message goes on; an older message does nothing.
    turn: int = 0
    order: dict[str, Any] = field(default_factory=dict)
    #: The last event that was looked at, and the last there is to look at.
    position: int = 0
    end: int = 0
    #: All are due since this moment, so that what arrives meanwhile need not wait for them.
    due_at: str = ""
    seen_at: str = ""
    #: "replayed", "read" (again, and understood), "left" → how many.
    counts: dict[str, int] = field(default_factory=dict)

    def wanted(self) -> Order:
        return Order(**{**self.order, "selection": Selection.stored(self.order["selection"])})


def find() -> TaskRun | None:
    """Return the row of the last job; None where there never was one."""
    return _rows().filter(task=REPLAY_TASK).first()


def last_number() -> int:
    """Return the number of the last job, 0 where there never was one."""
    row = find()
    return State(**row.state).number if row and row.state else 0


def start(order: Order, *, after: int) -> bool:
    """Begin a job if the last one is finished, and is number `after`; tell whether it was begun."""
    rows = _rows()
    with transaction.atomic(using=rows.db):
        rows.get_or_create(task=REPLAY_TASK, defaults={"started_at": now(), "finished_at": now()})
        row = rows.select_for_update().annotate(now=DatabaseNow()).get(task=REPLAY_TASK)
        if row.finished_at is None or State(**row.state).number != after:
            return False
        # Events that come later are not of this job, nor are those that a list of the same selection does not look
        # through. Of a receiver, all are of it: of these a list shows only the newest.
        events = order.selection.events(after=order.selection.floor(router.db_for_write(Event))).order_by("pk")
        # Not MIN and MAX, for which PostgreSQL may walk all ids.
        first, last = (events.order_by(by).values_list("pk", flat=True).first() for by in ("pk", "-pk"))
        state = State(number=after + 1, turn=1, position=(first or 1) - 1, end=last or 0)
        due_at = row.now - timedelta(seconds=wakeup.BULK_SECONDS)
        state.due_at, state.seen_at = due_at.isoformat(), now().isoformat()
        state.order = {**asdict(order), "selection": order.selection.as_json()}
        row.started_at, row.finished_at, row.done, row.note = row.now, None, 0, ""
        row.total, row.state = events[:MOST_COUNTED].count(), asdict(state)
        row.save(using=rows.db)
        transaction.on_commit(lambda: _ask(state.turn), using=rows.db, robust=True)
    return True


def stop() -> None:
    """End the job where it is; what it has replayed stays so."""
    _rows().filter(task=REPLAY_TASK, finished_at=None).update(finished_at=DatabaseNow())


def advance(turn: int) -> bool:
    """Replay the next few events of the job; tell whether there are more. False if this `turn` is over."""
    row = find()
    if row is None or row.finished_at is not None or (state := State(**row.state)).turn != turn:
        return False
    order = state.wanted()
    events = order.selection.events(after=state.position).filter(pk__lte=state.end)
    batch = list(events.order_by("pk").only("pk", "status")[:BATCH])
    # Each in a transaction of its own: one for all would decide by what was so when it began.
    is_mine = all(_replay_next(event, order, turn) for event in batch)
    if is_mine and len(batch) < BATCH:
        _rows().filter(task=REPLAY_TASK, finished_at=None).update(finished_at=DatabaseNow())
    return is_mine and len(batch) == BATCH


def _replay_next(event: Event, order: Order, turn: int) -> bool:
    """Replay one event and note it, together; False if another is at it, or the job was stopped."""
    rows = _rows()
    with transaction.atomic(using=rows.db):
        row = rows.select_for_update().filter(task=REPLAY_TASK, finished_at=None).first()
        if row is None or (state := State(**row.state)).turn != turn or state.position >= event.pk:
            return False
        what = replay_one(event, order, due_at=datetime.fromisoformat(state.due_at))
        state.counts = {**state.counts, what: state.counts.get(what, 0) + 1}
        state.position, state.seen_at = event.pk, now().isoformat()
        row.done, row.state = row.done + 1, asdict(state)
        row.save(using=rows.db, update_fields=["done", "state"])
    return True


def replay_one(event: Event, order: Order, *, due_at: datetime) -> str:
    """Replay an event, or read it again where it was not understood; return what became of it, as in `State.counts`."""
    if event.status == Event.Status.QUARANTINED:
        return "read" if read_again(event) else "left"
    try:
        names = event.replay([order.receiver] if order.receiver else None, again=order.again, due_at=due_at)
    except ValueError:  # another topic's receiver
        names = []
    return "replayed" if names else "left"


def take_up_silent() -> None:
    """Take up a job whose worker died, or whose message got lost. Never raises."""
    try:
        rows = _rows()
        # A savepoint if a transaction is open: an error here must not end that one.
        with transaction.atomic(using=rows.db):
            row = rows.select_for_update().filter(task=REPLAY_TASK, finished_at=None).first()
            if row is None or now() - datetime.fromisoformat(row.state["seen_at"]) < SILENCE:
                return
            row.state = {**row.state, "turn": row.state["turn"] + 1, "seen_at": now().isoformat()}
            row.save(using=rows.db, update_fields=["state"])
        _ask(row.state["turn"])
    except Exception:
        logger.exception("a replay could not be taken up")


def _ask(turn: int) -> None:
    wakeup.send(REPLAY_TASK, turn=turn)


def _rows() -> QuerySet[TaskRun]:
    return TaskRun.objects.using(router.db_for_write(TaskRun))
