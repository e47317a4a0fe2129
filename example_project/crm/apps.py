from django.apps import AppConfig


class CrmConfig(AppConfig):
    """The CRM of the example project."""

    name = "crm"
    verbose_name = "CRM"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # A receiver that nobody imports is never called.
        from . import receivers  # noqa: F401
