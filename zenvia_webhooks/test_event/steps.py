"""How far a test event has come: each step of its way, and what is wrong where it does not go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import router
from django.utils.translation import gettext as _

from zenvia_webhooks.diagnosis.findings import Severity
from zenvia_webhooks.diagnosis.subscriptions import check_registration
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.test_event import answers, receivers, workers
from zenvia_webhooks.test_event.sending import Run
from zenvia_webhooks.test_event.step import State, Step

#: Seconds after which nothing new is expected, and the page stands still.
WATCHED = 600
#: Seconds that an event may come after its sender has given up: its web process had others to serve first.
LATE = 20


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The steps of a test event, and what came of it."""

    steps: Sequence[Step]
    event: Event | None
    #: Whether nothing more will change by itself.
    is_settled: bool

    @property
    def state(self) -> State:
        """The worst of the steps' states: what is wrong counts more than what is still to come."""
        states = {step.state for step in self.steps}
        return next(one for one in (State.WRONG, State.WARNING, State.WAITING, State.OPEN, State.DONE) if one in states)

    @property
    def text(self) -> str:
        """One line for people."""
        if self.state == State.DONE:
            return _("The test event has reached every receiver.")
        step = next(step for step in self.steps if step.state == self.state)
        return f"{step.title}: {step.text}"


def progress_of(row: Subscription, run: Run, *, sees: bool) -> Progress:
    """Look how far a test event has come; `sees` is whether errors may be shown, whose words may name somebody."""
    event = _event(run)
    steps = [
        registered(row),
        answers.received(run, event),
        answers.stored(run, event),
        _hint(run),
        workers.taken_up(run, event),
        *receivers.had_it(event, sees=sees),
    ]
    return Progress(steps=steps, event=event, is_settled=_is_settled(run, event))


def _event(run: Run) -> Event | None:
    events = Event.objects.using(router.db_for_write(Event)).defer("body", "payload")
    return events.filter(fingerprint=bytes.fromhex(run.sent.fingerprint)).first()


def _is_settled(run: Run, event: Event | None) -> bool:
    if run.age > WATCHED:
        return True
    if event is not None:
        return event.next_attempt_at is None and run.finished_at is not None
    if run.finished_at is None:
        return False
    return not run.sent.is_late or (run.now - run.finished_at).total_seconds() > LATE


def registered(row: Subscription) -> Step:
    """Say whether Zenvia has the subscription, as far as this site knows."""
    title = _("Registered")
    try:
        findings = list(check_registration(row))
    except ZenviaConfigurationError as error:
        return Step(title=title, state=State.WRONG, text=str(error))
    for finding in findings:
        state = State.WRONG if finding.severity == Severity.BROKEN else State.WARNING
        return Step(title=title, state=state, text=finding.text, fix=finding.fix)
    if row.status == row.Status.INACTIVE:
        text = _("This subscription is inactive: Zenvia sends nothing for it, and its URL is refused.")
        return Step(title=title, state=State.WRONG, text=text, fix=_("Choose “Register again” on its page."))
    if row.is_foreign:
        text = _("It is registered for another site, %(host)s: Zenvia calls that one.")
        host = {"host": host_of(row.registered_url)}
        return Step(title=title, state=State.WARNING, text=text % host, fix=_("Its page says what can be done."))
    if row.status == row.Status.PENDING:
        return Step(title=title, state=State.WAITING, text=_("Zenvia is being asked."))
    if row.is_manual:
        text = _("A person has registered it at Zenvia: only an event of Zenvia's own proves that.")
        return Step(title=title, state=State.DONE, text=text)
    return Step(title=title, state=State.DONE, text=_("Zenvia has it as %(id)s.") % {"id": row.remote_id})


def _hint(run: Run) -> Step:
    title = _("Broker")
    for severity, text, fix in run.sent.broker:
        if severity in (Severity.WARNING, Severity.BROKEN):
            return Step(title=title, state=State.WARNING, text=text, fix=fix)
    if run.sent.broker:
        # Not as it was stored, in the words of whoever sent it.
        return Step(title=title, state=State.DONE, text=_("The broker took a message."))
    return Step(title=title, state=State.OPEN)
