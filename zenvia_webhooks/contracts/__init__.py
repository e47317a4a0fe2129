"""What differs between Zenvia's published APIs: pure functions over JSON, no HTTP, no models."""

from __future__ import annotations

from zenvia_webhooks.contracts import conversion, help_center, messaging
from zenvia_webhooks.contracts.base import Contract, Envelope

#: The value of an account's `CONTRACT` → the module that speaks it.
CONTRACTS: dict[str, Contract] = {
    help_center.NAME: help_center,
    conversion.NAME: conversion,
}
#: The value of an event's `contract` → the module that reads it. The strictest is asked first.
ENVELOPES: dict[str, Envelope] = {messaging.NAME: messaging, **CONTRACTS}


def get_contract(name: str) -> Contract:
    """Return a contract by name. Raises KeyError."""
    return CONTRACTS[name]


def get_envelope(name: str) -> Envelope | None:
    """Return what reads the events of a contract; None for a name that this version does not know."""
    return ENVELOPES.get(name)


def recognise(envelope: dict[str, object]) -> Envelope | None:
    """Return who reads this notification, by its shape; None where it is nobody's."""
    return next((reader for reader in ENVELOPES.values() if reader.recognise(envelope)), None)


def current_address(host: str) -> str:
    """Return the address of the API that was once reached at this host; empty where it was none."""
    is_former = any(f".{host}".endswith(f".{domain}") for domain in conversion.FORMER_DOMAINS)
    return conversion.API_URL if is_former else ""
