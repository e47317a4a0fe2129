"""Registrations at Zenvia: the one bridge between `Subscription` and `ZenviaClient`.

A verb writes what a person wants on the row and commits it, so that no registration is ever without a row. `reconcile`
asks Zenvia for its list, `plan` alone judges what differs, and what it says is done, here and at Zenvia.
"""

from __future__ import annotations

from zenvia_webhooks.subscriptions.adding import add, add_all, add_missing, taken, topics_per_row, wire_names
from zenvia_webhooks.subscriptions.advice import advice
from zenvia_webhooks.subscriptions.errors import StillRegisteredError, SubscriptionError, WouldReplaceError
from zenvia_webhooks.subscriptions.listed import token_of
from zenvia_webhooks.subscriptions.messages import describe, explain
from zenvia_webhooks.subscriptions.plan import Action, Kind, Step
from zenvia_webhooks.subscriptions.reconcile import accounts, compare_all, current_plan, foreign_cut_off_by, reconcile
from zenvia_webhooks.subscriptions.rows import OVERLAP, record
from zenvia_webhooks.subscriptions.topics import holds
from zenvia_webhooks.subscriptions.verbs import (
    EVERYBODY,
    change_topics,
    deactivate,
    delete,
    manual,
    register,
    register_again,
    rotate,
)

__all__ = [
    "EVERYBODY",
    "OVERLAP",
    "Action",
    "Kind",
    "Step",
    "StillRegisteredError",
    "SubscriptionError",
    "WouldReplaceError",
    "accounts",
    "add",
    "add_all",
    "add_missing",
    "advice",
    "change_topics",
    "compare_all",
    "current_plan",
    "deactivate",
    "delete",
    "describe",
    "explain",
    "foreign_cut_off_by",
    "holds",
    "manual",
    "reconcile",
    "record",
    "register",
    "register_again",
    "rotate",
    "taken",
    "token_of",
    "topics_per_row",
    "wire_names",
]
