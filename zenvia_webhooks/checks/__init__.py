"""System checks: what a host project has still to do, or has done wrong."""

from __future__ import annotations

from collections.abc import Callable

from django.core.checks import CheckMessage

from zenvia_webhooks.checks.callback import check_callback
from zenvia_webhooks.checks.celery import check_celery, check_celery_apps, check_receivers
from zenvia_webhooks.checks.database import (
    check_asgi,
    check_caches,
    check_character_set,
    check_database,
    check_tenants,
    check_time_zones,
)
from zenvia_webhooks.checks.settings import check_account, check_lease, check_settings

ALL_CHECKS: tuple[Callable[..., list[CheckMessage]], ...] = (
    check_settings,
    check_account,
    check_callback,
    check_lease,
    check_time_zones,
    check_tenants,
    check_celery,
    check_celery_apps,
    check_receivers,
    check_database,
    check_caches,
    check_asgi,
)
#: Run where Django lets checks use the database: `check --database`, `migrate`.
DATABASE_CHECKS: tuple[Callable[..., list[CheckMessage]], ...] = (check_character_set,)

__all__ = [
    "ALL_CHECKS",
    "DATABASE_CHECKS",
    "check_account",
    "check_asgi",
    "check_caches",
    "check_callback",
    "check_celery",
    "check_celery_apps",
    "check_character_set",
    "check_database",
    "check_lease",
    "check_receivers",
    "check_settings",
    "check_tenants",
    "check_time_zones",
]
