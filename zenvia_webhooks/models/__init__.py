from zenvia_webhooks.models.delivery import Delivery
from zenvia_webhooks.models.event import Event
from zenvia_webhooks.models.subscription import Subscription

__all__ = ["Delivery", "Event", "Subscription"]
