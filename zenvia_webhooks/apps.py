from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class ZenviaWebhooksConfig(AppConfig):
    name = "zenvia_webhooks"
    verbose_name = _("Zenvia webhooks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from zenvia_webhooks.checks import ALL_CHECKS  # they need the models
        from zenvia_webhooks.service_checks import DATABASE_CHECKS, SERVICE_CHECKS

        for check in (*ALL_CHECKS, *SERVICE_CHECKS):
            checks.register(check)
        for check in DATABASE_CHECKS:
            checks.register(check, checks.Tags.database)
