"""Whether a worker has taken a test event up."""

from __future__ import annotations

from django.utils.translation import gettext as _

from zenvia_webhooks import wakeup
from zenvia_webhooks.diagnosis.workers import read_worker
from zenvia_webhooks.models import Event
from zenvia_webhooks.test_event.sending import Run
from zenvia_webhooks.test_event.step import State, Step

#: Seconds that a worker has for the hint, before it is said that there is none; and for the sweep, where there is one.
FOR_THE_HINT = 4
FOR_THE_SWEEP = wakeup.SWEEP_INTERVAL + 5


def taken_up(run: Run, event: Event | None) -> Step:
    """Say whether a worker has taken it up; and if not, whether there is one."""
    title = _("Worker")
    if event is None or event.status == Event.Status.QUARANTINED:
        return Step(title=title, state=State.OPEN)
    if event.status != Event.Status.PENDING or event.claim is not None:
        return Step(title=title, state=State.DONE, text=_("A worker took it up."))
    waited = (run.now - event.received_at).total_seconds()
    (found,) = read_worker()
    if found.is_problem and waited >= FOR_THE_HINT:
        return Step(title=title, state=State.WRONG, text=found.text, fix=found.fix)
    if waited < FOR_THE_SWEEP:
        return Step(title=title, state=State.WAITING, text=_("A worker will take it up."))
    return Step(
        title=title,
        state=State.WRONG,
        text=_("%(worker)s But it has not taken up this event.") % {"worker": found.text},
        fix=_(
            "If it is busy, start more workers, or give slow receivers time-outs. If not, see that it works with this "
            "site's broker and database; its log says what it is doing."
        ),
    )
