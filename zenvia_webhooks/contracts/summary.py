"""What a list shows of a person, written with the event: a list of events reads no payload."""

from __future__ import annotations

from zenvia_webhooks.contracts.values import Lead
from zenvia_webhooks.redaction import clean

MAX_LENGTH = 200
#: So that an endless name leaves room for the number.
MAX_PART_LENGTH = (MAX_LENGTH - len(" · ")) // 2


def summary(lead: Lead | None) -> str:
    """Return a lead's name, and its number or address; by its id alone one that has neither. Empty for no lead."""
    if lead is None:
        return ""
    reached_at = lead.phone or lead.email or (lead.social_ids[0].id if lead.social_ids else None)
    parts = [part[:MAX_PART_LENGTH] for part in (lead.name, reached_at) if part]
    return clean(" · ".join(parts or [(lead.lead_id or "")[:MAX_PART_LENGTH]]))
