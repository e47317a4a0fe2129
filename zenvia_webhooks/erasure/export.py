"""All that is stored about a person, as JSON: for somebody who asks what a site knows about them."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import router

from zenvia_webhooks.erasure.person import Person
from zenvia_webhooks.models import Delivery, Event

COLUMNS = ("id", "account", "topic", "status", "origin", "occurred_at", "received_at", "headers", "remote_addr")


def export(person: Person, path: Path) -> None:
    """Write a person's events to a new file that only its owner may read. Raises OSError, also if the file is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"events": list(_events(person))}, file, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def _events(person: Person) -> Iterator[dict[str, Any]]:
    using = router.db_for_write(Event)
    for pk in sorted(person.events):
        event = Event.objects.using(using).filter(pk=pk).first()
        if event is None:
            continue  # purged meanwhile
        row = {name: getattr(event, name) for name in COLUMNS}
        row["payload"] = event.payload
        if event.payload is None:
            row["body"] = base64.b64encode(bytes(event.body)).decode()
        rows = Delivery.objects.using(using).filter(event=event).order_by("pk")
        row["deliveries"] = list(rows.values("receiver", "status", "attempts", "error", "result", "finished_at"))
        yield row
