"""A stand-in Zenvia over real HTTP on localhost: for the demo, for tests, and for anybody's development."""

from zenvia_webhooks.sandbox.listing import Listing
from zenvia_webhooks.sandbox.outbox import Habits
from zenvia_webhooks.sandbox.server import Sandbox

__all__ = ["Habits", "Listing", "Sandbox"]
