"""What a user sees of a person who may see events, but not what is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

#: Django's permission to see names, addresses, numbers, texts and errors; without it they are masked.
VIEW_PAYLOAD = "zenvia_webhooks.view_payload"
#: What stands in the place of a text that is hidden as a whole.
HIDDEN = "••••"

#: With fewer digits, a text holds no phone number: all of them are masked.
DIGITS_OF_A_NUMBER = 7

#: Attributes of the values that name a person: they are masked, not hidden.
_NAMES = frozenset(("name", "email", "phone", "emails", "phones", "agent", "sender", "recipient", "number", "id"))
#: Attributes that say what happened, not to whom: they stay. All that is named nowhere here is hidden.
_OPEN = frozenset(
    (
        *(
            "lead_id",
            "quote_id",
            "interaction_id",
            "group_id",
            "group",
            "label",
            "status",
            "archiving_reason",
            "reason",
        ),
        *("source", "medium", "campaign", "via", "direction", "kind", "type"),
    )
)


def may_see(request: Any) -> bool:
    """Tell whether the user of a request, Django's or the API's, may see what is in events."""
    return bool(request.user.has_perm(VIEW_PAYLOAD))


def mask(text: str) -> str:
    """Return a name, an address or a number that one knows again, if one knows it: "Ana Paz" → "A•• P••".

    Of each word the first letter stays, of a number the last two digits. For anything longer, take `hide`.
    """
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    seen = set(digits[-2:]) if len(digits) >= DIGITS_OF_A_NUMBER else set()
    seen |= {place for place, letter in enumerate(text) if letter.isalpha() and text[place - 1 : place].strip() == ""}
    return "".join(letter if place in seen or letter in " +-().,@·" else "•" for place, letter in enumerate(text))


def hide(text: str) -> str:
    """Return what stands in the place of a text; an empty one stays empty."""
    return HIDDEN if text else ""


def masked(value: Any) -> Any:
    """Return one of the values of `contracts.values`, a copy, with all that tells of a person masked or hidden."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    return dataclasses.replace(
        value, **{field.name: _attribute(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)}
    )


def _attribute(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_attribute(name, item) for item in value)
    if isinstance(value, Mapping):
        return {}
    if not isinstance(value, str):
        return value if isinstance(value, datetime | Decimal) else masked(value)
    if name in _OPEN:
        return value
    return mask(value) if name in _NAMES else hide(value)
