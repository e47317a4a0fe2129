"""Sending: to what Zenvia calls, over real HTTP, with a mark by which the event is known for a test."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import router

from zenvia_webhooks.diagnosis import Area, diagnose
from zenvia_webhooks.models import Subscription, TaskRun
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.models.task_run import TEST_EVENT
from zenvia_webhooks.origins import origin_of
from zenvia_webhooks.redaction import EXCERPT, redact_tokens
from zenvia_webhooks.sandbox.sender import TIMEOUT_SECONDS, Answer, TooSlowError, post_event
from zenvia_webhooks.subscriptions import token_of
from zenvia_webhooks.test_event.samples import body_of_test
from zenvia_webhooks.webhook import intake, probe

USER_AGENT = "zenvia_send_event (django-zenvia-webhooks)"
#: Seconds that a page waits for its own site's answer.
PATIENCE = 5


@dataclass(kw_only=True)
class Sent:
    """`TaskRun.state` of a subscription's last test event: what was sent, and what became of it on its way."""

    topic: str
    #: Whom it was sent to, such as "https://crm.example.com": the URL itself ends in a secret.
    site: str
    #: The event's, in hex.
    fingerprint: str
    #: Of the answer; 0 if there was none. What is not the webhook's own is left out.
    status: int = 0
    milliseconds: int = 0
    error: str = ""
    location: str = ""
    #: Why there was no answer, in the words of whoever sent it; and whether that was only too slow.
    failure: str = ""
    is_late: bool = False
    #: Of the findings about the broker: severity, text and fix.
    broker: list[list[str]] = field(default_factory=list)


def address_of(row: Subscription) -> str:
    """Return the URL that Zenvia calls for a subscription; before it was told one, that which it will be told.

    Raises ZenviaConfigurationError where there is none yet.
    """
    is_told = row.status == Subscription.Status.ACTIVE and row.is_here
    return row.registered_url if is_told else row.callback_url


def post(url: str, body: bytes, *, patience: float = TIMEOUT_SECONDS) -> Answer:
    """Post a body to a webhook as Zenvia does; to this site's own, it comes as a test. Raises as `post_event` does."""
    token = token_of(url)
    headers = {probe.MARK: probe.mark(token)} if token else {}
    return post_event(url, body, user_agent=USER_AGENT, patience=patience, headers=headers)


def send(row: Subscription, topic: str) -> None:
    """Send a test event, and note what its webhook answered. Takes `PATIENCE`, or a little more.

    Call it outside of any transaction: the web process that answers must see what is committed here, and may be this.
    Raises ZenviaConfigurationError without a callback URL, ValueError for a topic without a sample.
    """
    url, body = address_of(row), body_of_test(row, topic)
    fingerprint: bytes = intake.read(row.account, body)["fingerprint"]
    sent = Sent(topic=topic, site=origin_of(url), fingerprint=fingerprint.hex())
    rows = TaskRun.objects.using(router.db_for_write(TaskRun))
    begun = {"started_at": DatabaseNow(), "finished_at": None, "state": asdict(sent)}
    run, _is_new = rows.update_or_create(task=TEST_EVENT.format(pk=row.pk), defaults=begun)
    # The broker first: the message by which it is tried finds nothing to do, and the event's own comes after it.
    sent.broker = [[one.severity, one.text, one.fix] for one in diagnose([Area.BROKER])]
    try:
        _note(sent, post(url, body, patience=PATIENCE))
    except ConnectionError as error:
        sent.failure, sent.is_late = str(error), isinstance(error, TooSlowError)
    rows.filter(pk=run.pk).update(finished_at=DatabaseNow(), state=asdict(sent))


@dataclass(frozen=True, kw_only=True)
class Run:
    """A subscription's last test event; moments are by the database's clock."""

    sent: Sent
    started_at: datetime
    #: None while its answer is waited for.
    finished_at: datetime | None
    now: datetime

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return (self.now - self.started_at).total_seconds()


def last(row: Subscription) -> Run | None:
    """Return a subscription's last test event; None if there was none."""
    rows = TaskRun.objects.using(router.db_for_write(TaskRun)).filter(task=TEST_EVENT.format(pk=row.pk))
    found = rows.annotate(now=DatabaseNow()).values_list("state", "started_at", "finished_at", "now").first()
    if found is None:
        return None
    state, started_at, finished_at, moment = found
    return Run(sent=Sent(**state), started_at=started_at, finished_at=finished_at, now=moment)


def _note(sent: Sent, answer: Answer) -> None:
    sent.status, sent.milliseconds = answer.status, answer.milliseconds
    sent.location = origin_of(answer.location)
    try:
        said: Any = answer.json()
    except (ValueError, RecursionError):
        return
    error = said.get("error") if isinstance(said, dict) else None
    # Some servers echo the path.
    sent.error = redact_tokens(error)[:EXCERPT] if isinstance(error, str) else ""
