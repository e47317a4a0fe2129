"""HTTP to Zenvia."""

from zenvia_webhooks.client.api import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription

__all__ = ["RemoteSubscription", "ZenviaClient"]
