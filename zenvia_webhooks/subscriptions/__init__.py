"""Registrations at Zenvia: the one bridge between `Subscription` and `ZenviaClient`.

The row is committed first and the call follows, so that no registration is ever without a row. Where the outcome of a
call is unknown the row stays `pending`, and Zenvia's list settles it.
"""

from __future__ import annotations

from zenvia_webhooks.subscriptions.adoption import adopt
from zenvia_webhooks.subscriptions.change import change_topics, rotate
from zenvia_webhooks.subscriptions.comparison import compare
from zenvia_webhooks.subscriptions.description import describe, explain
from zenvia_webhooks.subscriptions.ownership import WouldReplaceError, is_elsewhere, token_of
from zenvia_webhooks.subscriptions.plan import Action, Comparison, Kind, Step
from zenvia_webhooks.subscriptions.registration import (
    add,
    add_missing,
    register,
    register_by_hand,
    topics_per_row,
    wire_names,
)
from zenvia_webhooks.subscriptions.removal import StillRegisteredError, deactivate, delete
from zenvia_webhooks.subscriptions.rows import OVERLAP
from zenvia_webhooks.subscriptions.steps import carry_out, register_again, settle
from zenvia_webhooks.subscriptions.watching import accounts, watch

__all__ = [
    "OVERLAP",
    "Action",
    "Comparison",
    "Kind",
    "Step",
    "StillRegisteredError",
    "WouldReplaceError",
    "accounts",
    "add",
    "add_missing",
    "adopt",
    "carry_out",
    "change_topics",
    "compare",
    "deactivate",
    "delete",
    "describe",
    "explain",
    "is_elsewhere",
    "register",
    "register_again",
    "register_by_hand",
    "rotate",
    "settle",
    "token_of",
    "topics_per_row",
    "watch",
    "wire_names",
]
