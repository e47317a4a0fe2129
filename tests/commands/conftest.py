"""The commands that register have the same Zenvia as the tests of what they call."""

from tests.subscriptions.conftest import account, sandbox, wire

__all__ = ["account", "sandbox", "wire"]
