from django.urls import path

from zenvia_webhooks.webhook.views import webhook

app_name = "zenvia_webhooks"

urlpatterns = [
    path("webhook/<str:token>/", webhook, name="webhook"),
    # Zenvia follows no redirect, so APPEND_SLASH can't mend a URL that lost its slash on the way.
    path("webhook/<str:token>", webhook),
]
