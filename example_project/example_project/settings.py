"""Settings of the example project: what it needs, from the environment where a site would differ."""

import os
from pathlib import Path
from typing import Any

import dj_database_url

from zenvia_webhooks.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent

# Database file, broker files and beat's clock, unless the URLs below point elsewhere.
DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data").resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

# Off unless somebody asks for it: a page of DEBUG shows settings, queries and people to whoever causes an error.
DEBUG = os.environ.get("DEBUG") == "1"
# Without DEBUG there is no default: a published key is no key.
SECRET_KEY = os.environ.get("SECRET_KEY") or ("for-development-only-" * 3 if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")
CSRF_TRUSTED_ORIGINS = list(filter(None, os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",")))

if not DEBUG:
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    # A year. Not for subdomains, nor in browsers' own lists: those need not be this site's to decide, and it takes as
    # long to take back.
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if os.environ.get("BEHIND_HTTPS_PROXY") == "1":
    # Only where a proxy sets this header, whatever the client sent: else anybody can say that they came over TLS.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "zenvia_webhooks",
    "crm",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # The admin speaks the language of whoever looks: Portuguese, Spanish, English.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for a login; zenvia_webhooks exempts its webhook.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if not DEBUG:
    # Serves STATIC_ROOT, as runserver does not without DEBUG, and so no other server needs to have those files.
    MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")

LOGIN_URL = "admin:login"
ROOT_URLCONF = "example_project.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_sqlite: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "db.sqlite3",
    # Without IMMEDIATE, two writers at once are "database is locked", whatever the time-out.
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
}
DATABASES: dict[str, Any] = {"default": _sqlite}
if _url := os.environ.get("DATABASE_URL"):
    # Each thread keeps its connection for so many seconds: a new one costs more than a webhook's queries.
    _max_age = int(os.environ.get("CONN_MAX_AGE", "60"))
    DATABASES["default"] = dj_database_url.parse(_url, conn_max_age=_max_age, conn_health_checks=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
# Filled by `manage.py collectstatic`, once for each release.
STATIC_ROOT = BASE_DIR / "data" / "static"
USE_TZ = True
TIME_ZONE = "UTC"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "filesystem://localhost"
if CELERY_BROKER_URL.startswith("filesystem:"):
    # Not imported otherwise: kombu's part of it needs a further package on Windows.
    from . import file_broker

    CELERY_BROKER_TRANSPORT = "example_project.file_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = file_broker.options(DATA_DIR / "broker")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# What a worker fetches ahead waits behind what it is doing, while another is idle.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A copy, and the place for the project's own entries.
CELERY_BEAT_SCHEDULE = {**BEAT_SCHEDULE}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    # The path of a webhook is a secret, and others than zenvia_webhooks log paths.
    "filters": {"redact_tokens": {"()": "zenvia_webhooks.redaction.RedactTokens"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["redact_tokens"], "formatter": "line"},
    },
    "root": {"level": "INFO", "handlers": ["console"]},
    # Django's own handlers would mail or print what the filter has not seen; so would the servers'.
    "loggers": {
        name: {"handlers": [], "propagate": True}
        for name in ("django", "django.server", "gunicorn.access", "gunicorn.error", "uvicorn", "uvicorn.access")
    },
}

_account = {"API_KEY": os.environ.get("ZENVIA_API_KEY", "")}
for _key, _variable in (("CONTRACT", "ZENVIA_CONTRACT"), ("API_URL", "ZENVIA_API_URL")):
    if os.environ.get(_variable):
        _account[_key] = os.environ[_variable]
ZENVIA_WEBHOOKS: dict[str, Any] = {"ACCOUNTS": {"default": _account}}
if "CALLBACK_BASE_URL" in os.environ:
    ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = os.environ["CALLBACK_BASE_URL"]
