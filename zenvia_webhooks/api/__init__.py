"""The REST API: off until a host includes `zenvia_webhooks.api.urls`."""
