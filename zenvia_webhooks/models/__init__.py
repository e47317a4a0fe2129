from zenvia_webhooks.models.delivery import Delivery
from zenvia_webhooks.models.event import Event
from zenvia_webhooks.models.event_key import EventKey
from zenvia_webhooks.models.recovery import Recovery
from zenvia_webhooks.models.subscription import Subscription
from zenvia_webhooks.models.task_run import TaskRun

__all__ = ["Delivery", "Event", "EventKey", "Recovery", "Subscription", "TaskRun"]
