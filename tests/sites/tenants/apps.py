from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tests.sites.tenants"
