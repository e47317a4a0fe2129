"""What tests of the recovery share: receivers that note what they saw, and a site that was down."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.commands import run
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.signals import lead_created, message_received, message_sent, quote_updated

KEY = "key-of-the-tests"
#: (Receiver, object, its status if it is a quote) → how often.
seen: Counter[tuple[str, str, str]] = Counter()


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def see_lead(sender: Any, event: Event, **kwargs: Any) -> None:
    assert event.lead is not None
    seen["see_lead", event.lead.lead_id or "", ""] += 1


def see_message(sender: Any, event: Event, **kwargs: Any) -> None:
    assert event.interaction is not None
    # Who wrote is known by more than the id.
    assert event.lead is not None
    assert event.lead.created_at is not None
    seen["see_message", event.interaction.interaction_id or "", ""] += 1


def see_quote(sender: Any, event: Event, **kwargs: Any) -> None:
    assert event.quote is not None
    seen["see_quote", event.quote.quote_id or "", event.quote.status or ""] += 1


def connect() -> None:
    lead_created.connect(see_lead)
    message_received.connect(see_message)
    message_sent.connect(see_message)
    quote_updated.connect(see_quote)


def dispatch_all() -> None:
    """Hand out all that is due, as sweeps would: what another process has locked, a later one finds."""
    # SQLite's clock counts milliseconds: what was stored in the present one is due in the next.
    time.sleep(0.001)
    ends = time.monotonic() + 10
    while dispatch_due(may_hint=False) or (left := due()):
        assert time.monotonic() < ends, left


def due() -> list[tuple[int, str, UUID | None]]:
    """Return what is due: each event's id, status and claim."""
    return list(Event.objects.filter(next_attempt_at__lte=DatabaseNow()).values_list("pk", "status", "claim"))


def seen_by(receiver: str) -> dict[str, int]:
    """Return object → how often a receiver saw it."""
    found: Counter[str] = Counter()
    for (name, seen_object, _status), times in seen.items():
        if name == receiver:
            found[seen_object] += times
    return dict(found)


def recover(*options: str, since: datetime | None = None) -> str:
    """Run the command over two hours or since a moment; return what it printed."""
    printed, error = run("zenvia_recover", "--since", (since or ago(hours=2)).isoformat(), "--no-input", *options)
    assert not error, error
    return printed
