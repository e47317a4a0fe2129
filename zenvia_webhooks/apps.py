from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class ZenviaWebhooksConfig(AppConfig):
    name = "zenvia_webhooks"
    verbose_name = _("Zenvia webhooks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from zenvia_webhooks.checks import ALL_CHECKS, DATABASE_CHECKS  # they need the models

        for check in ALL_CHECKS:
            checks.register(check)
        for check in DATABASE_CHECKS:
            checks.register(check, checks.Tags.database)
