import os

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "bench.faults.app"
    label = "faults"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from bench.faults.app import receivers
        from crm.receivers import save_contact
        from zenvia_webhooks.signals import event_received, lead_created, message_received, message_sent, quote_updated

        # Those that the row names are enough.
        lead_created.disconnect(save_contact)
        others = {
            "log": [event_received],
            "sees_objects": [lead_created, message_received, message_sent, quote_updated],
        }
        for name in os.environ["FAULTS_RECEIVERS"].split():
            for signal in others.get(name, [lead_created]):
                signal.connect(getattr(receivers, name))
