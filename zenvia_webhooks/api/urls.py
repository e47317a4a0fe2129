from django.urls import path

from zenvia_webhooks.api.views import (
    DeliveryList,
    EventDetail,
    EventList,
    EventReplay,
    SubscriptionDetail,
    SubscriptionList,
)

app_name = "zenvia_webhooks_api"

urlpatterns = [
    path("subscriptions/", SubscriptionList.as_view(), name="subscriptions"),
    path("subscriptions/<int:pk>/", SubscriptionDetail.as_view(), name="subscription"),
    path("events/", EventList.as_view(), name="events"),
    path("events/<int:pk>/", EventDetail.as_view(), name="event"),
    path("events/<int:pk>/replay/", EventReplay.as_view(), name="event-replay"),
    path("deliveries/", DeliveryList.as_view(), name="deliveries"),
]
