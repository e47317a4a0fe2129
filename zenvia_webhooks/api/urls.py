from django.core.exceptions import ImproperlyConfigured
from django.urls import path

try:
    from zenvia_webhooks.api.schema import SchemaView
    from zenvia_webhooks.api.views import router
except ModuleNotFoundError as error:
    raise ImproperlyConfigured(
        f"zenvia_webhooks.api needs {error.name}, which is not installed: "
        'run pip install "django-zenvia-webhooks[api]".'
    ) from error

app_name = "zenvia_webhooks_api"

urlpatterns = [*router.urls, path("schema/", SchemaView.as_view(patterns=router.urls), name="schema")]
