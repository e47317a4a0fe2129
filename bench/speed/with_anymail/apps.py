from __future__ import annotations

from django.apps import AppConfig


class WithAnymailConfig(AppConfig):
    name = "bench.speed.with_anymail"
    label = "speed_anymail"

    def ready(self) -> None:
        from bench.speed.with_anymail import receivers  # noqa: F401
