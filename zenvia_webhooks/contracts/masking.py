"""A person as one is shown who may not see people: names, addresses and numbers masked, texts hidden."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

#: What stands in the place of a letter or a digit.
DOT = "•"
#: What stands in the place of a text that is hidden as a whole.
HIDDEN = DOT * 4
#: What says nothing of a person.
STAYS = " +-().,@·"

#: With fewer digits, a text holds no phone number: all of them are masked.
DIGITS_OF_A_NUMBER = 7

#: Attributes of the values that name a person: they are masked, not hidden.
_NAMES = frozenset(("name", "email", "phone", "emails", "phones", "agent", "sender", "recipient", "number", "id"))
#: Attributes that say what happened, not to whom: they stay. All that is named nowhere here is hidden.
_OPEN = frozenset(("lead_id", "quote_id", "interaction_id", "group_id", "group", "label", "status", "reason"))
_OPEN |= frozenset(("archiving_reason", "source", "medium", "campaign", "via", "direction", "kind", "type"))


def mask(text: str) -> str:
    """Return a name, an address or a number that one knows again, if one knows it: "Ana Paz" → "A•• P••".

    Of each word the first letter stays, of a number the last two digits. For anything longer, take `hide`.
    """
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    seen = set(digits[-2:]) if len(digits) >= DIGITS_OF_A_NUMBER else set()
    seen |= {place for place, letter in enumerate(text) if letter.isalpha() and text[place - 1 : place].strip() == ""}
    return "".join(letter if place in seen or letter in STAYS else DOT for place, letter in enumerate(text))


def hide(text: str) -> str:
    """Return what stands in the place of a text; an empty one stays empty."""
    return HIDDEN if text else ""


def masked(value: Any) -> Any:
    """Return a copy of a value, with all that tells of a person masked or hidden; what is no value, as it is."""
    return type(value)(**_shown(value)) if isinstance(value, Value) else value


def _shown(value: Any) -> dict[str, Any]:
    return {field.name: _attribute(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)}


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


class Value:
    """What an event says. Its repr is masked: logs and error reports show the values of variables."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _shown(self).items())})"
