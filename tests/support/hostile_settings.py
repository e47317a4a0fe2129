"""A host whose settings are the opposite of ours in all that we do not leave to it: see `tests/api/test_hosts.py`."""

from __future__ import annotations

from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS, MIDDLEWARE

HERE = "tests.support.hostile_settings"

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "django_filters"]
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *MIDDLEWARE,
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
DATABASES["default"]["ATOMIC_REQUESTS"] = True
# Formats unlike the English ones, and no catalogue of ours: tests go by its words.
LANGUAGE_CODE = "de"

REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_VERSIONING_CLASS": f"{HERE}.NoVersionWillDo",
    "DEFAULT_FILTER_BACKENDS": [f"{HERE}.HideAll"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 1,
    "EXCEPTION_HANDLER": f"{HERE}.all_is_well",
    "UNAUTHENTICATED_USER": f"{HERE}.Somebody",
    "NON_FIELD_ERRORS_KEY": "hostile",
    "DATETIME_FORMAT": "%d.%m.%Y",
    "DATETIME_INPUT_FORMATS": ["%d.%m.%Y"],
    "UNICODE_JSON": False,
    "COMPACT_JSON": False,
    "COERCE_BIGINT_TO_STRING": True,
    "COERCE_DECIMAL_TO_STRING": False,
}
FILTERS_DEFAULT_LOOKUP_EXPR = "icontains"


class Somebody:
    """A superuser to all who ask."""

    pk, is_authenticated, is_active, is_staff, is_superuser = 1, True, True, True, True

    def has_perm(self, permission: str) -> bool:
        return True


class NoVersionWillDo:
    def determine_version(self, request: Any, **kwargs: Any) -> Any:
        raise AssertionError("the host's versioning was asked")


class HideAll:
    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        return queryset.none()


def all_is_well(exception: Exception, context: dict[str, Any]) -> Any:
    raise AssertionError("the host's exception handler was called")
