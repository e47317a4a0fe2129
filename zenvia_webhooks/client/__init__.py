"""HTTP to Zenvia."""

from zenvia_webhooks.client.api import ZenviaClient

__all__ = ["ZenviaClient"]
