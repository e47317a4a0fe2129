from __future__ import annotations

from django.apps import AppConfig


class OursConfig(AppConfig):
    name = "bench.speed.ours"
    label = "speed_ours"

    def ready(self) -> None:
        from bench.speed.ours import receivers  # noqa: F401
