from zenvia_webhooks.admin.events import EventAdmin
from zenvia_webhooks.admin.subscriptions import SubscriptionAdmin

__all__ = ["EventAdmin", "SubscriptionAdmin"]
