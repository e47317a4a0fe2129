"""What the public URL answered to a test event, and whether it is stored."""

from __future__ import annotations

from django.utils.translation import gettext as _

from zenvia_webhooks.diagnosis.callback import how_to_be_reached, of_another
from zenvia_webhooks.models import Event
from zenvia_webhooks.test_event.sending import PATIENCE, Run, Sent
from zenvia_webhooks.test_event.step import State, Step

#: Seconds after which the web process that sent it has ended before its answer came.
BROKE_OFF = 60
#: What the webhook itself says with a 404.
UNKNOWN_TOKEN = "unknown token"  # noqa: S105  # no password
UNAVAILABLE = "try again later"


def received(run: Run, event: Event | None) -> Step:
    """Say what the public URL answered."""
    title, sent = _("Received"), run.sent
    if run.finished_at is None:
        if run.age < BROKE_OFF:
            return Step(title=title, state=State.WAITING, text=_("%(site)s is being called.") % {"site": sent.site})
        text = _("The web process that sent it ended before an answer came.")
        return Step(title=title, state=State.WRONG, text=text, fix=_("Send another one."))
    if sent.is_late:
        return _late(title, run, event)
    if sent.failure:
        return Step(title=title, state=State.WRONG, text=sent.failure, fix=how_to_be_reached())
    words = {"site": sent.site, "status": sent.status, "milliseconds": sent.milliseconds}
    if 200 <= sent.status < 300:
        text = _("%(site)s answered %(status)d in %(milliseconds)d ms.") % words
        return Step(title=title, state=State.DONE, text=text)
    return _refused(title, sent)


def _late(title: str, run: Run, event: Event | None) -> Step:
    words = {"site": run.sent.site, "seconds": PATIENCE}
    workers = _("Run two web workers or more, such as: gunicorn --workers 2")
    if event is None:
        text = _(
            "%(site)s did not answer within %(seconds)d s. If it has one web worker, that one is busy with this page."
        )
        more = _("If it has more, see what holds up its answer: Zenvia would take the event for lost.")
        return Step(title=title, state=State.WRONG, text=text % words, fix=f"{workers}. {more}")
    if run.finished_at is not None and event.received_at >= run.finished_at:
        text = _(
            "%(site)s took it only when this page had stopped waiting: its one web worker was busy with this page."
        )
        return Step(title=title, state=State.WARNING, text=text % words, fix=f"{workers}.")
    text = _("%(site)s did not answer within %(seconds)d s: Zenvia would take the event for lost, though it is stored.")
    fix = _("See what holds up its answer: a busy web server, a proxy, a slow database.")
    return Step(title=title, state=State.WARNING, text=text % words, fix=fix)


def _refused(title: str, sent: Sent) -> Step:
    words = {"site": sent.site, "status": sent.status, "error": sent.error}
    if sent.status == 404 and sent.error == UNKNOWN_TOKEN:
        return Step(
            title=title,
            state=State.WRONG,
            text=_("The webhook at %(site)s does not know this subscription's token: 404.") % words,
            fix=_(
                "Another site, or another database, answers there: set CALLBACK_BASE_URL to this site's own address. "
                "If the subscription was deactivated, register it again."
            ),
        )
    if sent.error and sent.error != UNAVAILABLE:
        text = _("The webhook at %(site)s refused it: %(status)d, %(error)s.") % words
        fix = _("README, “The callback URL”, says what each of its answers means.")
        return Step(title=title, state=State.WRONG, text=text, fix=fix)
    found = of_another(sent.status, error=sent.error, location=sent.location, base=sent.site)
    return Step(title=title, state=State.WRONG, text=found.text, fix=found.fix)


def stored(run: Run, event: Event | None) -> Step:
    """Say whether the event is in this site's database."""
    title = _("Stored")
    if event is None:
        if run.finished_at is None or not 200 <= run.sent.status < 300:
            return Step(title=title, state=State.OPEN)
        text = _("Whoever answered did not store it in this site's database.")
        fix = _("Give every process of the site the same DATABASES, and CALLBACK_BASE_URL its own address.")
        return Step(title=title, state=State.WRONG, text=text, fix=fix)
    if event.status == Event.Status.QUARANTINED:
        text = _("It is stored, but not understood.")
        return Step(title=title, state=State.WRONG, text=text, detail=event.error, event=event.pk)
    return Step(title=title, state=State.DONE, text=_("It is event #%(id)d.") % {"id": event.pk}, event=event.pk)
