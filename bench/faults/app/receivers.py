"""Receivers, good and bad. Each writes down in a file, which no rollback takes back, when it began and ended."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from django.db import connection, transaction

from bench.faults.app.models import Effect
from zenvia_webhooks.exceptions import RetryLater
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import non_atomic

FOLDER = Path(os.environ["DATA_DIR"])
SEEN = FOLDER / "seen.txt"


def note(what: str, receiver: str, about: object) -> None:
    """Append a line: what, receiver, event or object, process, seconds since 1970."""
    line = f"{what} {receiver} {about} {os.getpid()} {time.time():.4f}\n"
    # In one write, so that the lines of several processes stay whole.
    descriptor = os.open(SEEN, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def watched(receiver: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(receiver)
    def run(sender: type[Event], event: Event, **kwargs: Any) -> None:
        note("begins", receiver.__name__, event.pk)
        try:
            receiver(sender, event, **kwargs)
        except BaseException:
            note("raised", receiver.__name__, event.pk)
            raise
        note("ends", receiver.__name__, event.pk)

    return run


@watched
def effect(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Write to this database alone: atomic."""
    Effect.objects.create(event_id=event.pk, receiver="effect")


@watched
def effect_too(sender: type[Event], event: Event, **kwargs: Any) -> None:
    Effect.objects.create(event_id=event.pk, receiver="effect_too")


@non_atomic
@watched
def log(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Stand for what talks to an outside system."""
    Effect.objects.create(event_id=event.pk, receiver="log")


def sees_objects(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Note each lead, message and quote that it is given, a quote with its status."""
    resource = event.topic.partition(".")[0]
    status = event.quote.status if event.quote else ""
    note("sees", resource, f"{event.data['id']}:{status}")


@watched
def slow(sender: type[Event], event: Event, **kwargs: Any) -> None:
    time.sleep(4)


@watched
def hangs_on_poison(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Hang until the soft time limit with some events, and be quick with the others."""
    if event.lead is not None and event.lead.name == "poison":
        time.sleep(3600)


@watched
def fails_at_first(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Fail until a file says that the fault is mended."""
    if not (FOLDER / "mended").exists():
        raise RuntimeError("not yet")
    Effect.objects.create(event_id=event.pk, receiver="fails_at_first")


@watched
def raises(sender: type[Event], event: Event, **kwargs: Any) -> None:
    Effect.objects.create(event_id=event.pk, receiver="raises")
    raise RuntimeError("always")


@watched
def breaks_its_transaction(sender: type[Event], event: Event, **kwargs: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


@watched
def leaves_a_transaction_open(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Leave one open inside of its own: nothing that this process writes later would be committed."""
    Effect.objects.create(event_id=event.pk, receiver="leaves_a_transaction_open")
    transaction.atomic().__enter__()


@watched
def too_slow(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Exceed the soft time limit, and end then."""
    time.sleep(3600)


@watched
def swallows_the_limit(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Exceed the soft time limit without knowing, and end as if all were well."""
    with contextlib.suppress(Exception):
        time.sleep(3600)


@watched
def hangs(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Hang until the hard time limit, whatever is raised before."""
    ends = time.monotonic() + 3600
    while time.monotonic() < ends:
        with contextlib.suppress(Exception):  # as a careless loop of retries does
            time.sleep(1)


@watched
def kills_its_process(sender: type[Event], event: Event, **kwargs: Any) -> None:
    if event.lead is not None and event.lead.name == "poison":
        os.kill(os.getpid(), signal.SIGKILL)


@watched
def wants_later(sender: type[Event], event: Event, **kwargs: Any) -> None:
    raise RetryLater(5)


@watched
def calls_a_dead_crm(sender: type[Event], event: Event, **kwargs: Any) -> None:
    """Call a CRM that nobody listens at, until a file says that the fault is mended."""
    if not (FOLDER / "mended").exists():
        number = event.lead.phone if event.lead else ""
        requests.post(f"http://127.0.0.1:9/contacts/{number}", json=event.data, timeout=5)
    Effect.objects.create(event_id=event.pk, receiver="calls_a_dead_crm")
