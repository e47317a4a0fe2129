"""A host of many tenants, by django-tenants; the environment says whose apps zenvia_webhooks is among."""

from __future__ import annotations

import os

import dj_database_url

from tests.settings import *  # noqa: F403  # the same host otherwise
from tests.settings import INSTALLED_APPS as OF_THE_HOST
from tests.settings import MIDDLEWARE

AMONG = os.environ["SITE_AMONG"]
OURS = ["zenvia_webhooks"]
#: The app that a receiver writes to has a table in each tenant's schema.
TENANT_APPS = ["tests.shop", *(OURS if "TENANT_APPS" in AMONG else [])]
SHARED_APPS = [
    "django_tenants",
    "tests.sites.tenants",
    *(app for app in OF_THE_HOST if app not in [*OURS, "tests.shop"]),
    *(OURS if "SHARED_APPS" in AMONG else []),
]
INSTALLED_APPS = [*SHARED_APPS, *(app for app in TENANT_APPS if app not in SHARED_APPS)]
MIDDLEWARE = ["django_tenants.middleware.main.TenantMainMiddleware", *MIDDLEWARE]
TENANT_MODEL, TENANT_DOMAIN_MODEL = "tenants.Company", "tenants.Domain"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DATABASES = {
    "default": {**dj_database_url.parse(os.environ["SITE_DATABASE"]), "ENGINE": "django_tenants.postgresql_backend"}
}
