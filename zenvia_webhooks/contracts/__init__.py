"""What differs between Zenvia's published APIs: pure functions over JSON, no HTTP, no models."""

from __future__ import annotations

from zenvia_webhooks.contracts import conversion, help_center
from zenvia_webhooks.contracts.base import Contract

#: The value of an account's `CONTRACT` → the module that speaks it.
CONTRACTS: dict[str, Contract] = {
    help_center.NAME: help_center,
    conversion.NAME: conversion,
}


def get_contract(name: str) -> Contract:
    """Return a contract by name. Raises KeyError."""
    return CONTRACTS[name]


def recognise(envelope: dict[str, object]) -> Contract | None:
    """Return the contract whose notification this is, by its shape; None where it is nobody's."""
    return next((contract for contract in CONTRACTS.values() if contract.recognise(envelope)), None)
