from django.apps import AppConfig


class LoadSiteConfig(AppConfig):
    name = "tests.load_site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.receivers import save_contact
        from tests.load_site import receivers  # noqa: F401
        from zenvia_webhooks.signals import lead_created

        # Two receivers, which count, are enough.
        lead_created.disconnect(save_contact)
