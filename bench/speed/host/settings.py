"""One project for every subject: what startproject makes, and the one app that is measured."""

from __future__ import annotations

import os
from typing import Any

import dj_database_url

from zenvia_webhooks.schedule import BEAT_SCHEDULE

SUBJECT = os.environ["SPEED_SUBJECT"]

SECRET_KEY = "a key for measuring"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "bench.speed.host.urls"
WSGI_APPLICATION = "bench.speed.host.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
#: See `webservers`.
CONNECTIONS = os.environ.get("SPEED_CONNECTIONS", "kept")
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=600 if CONNECTIONS == "kept" else 0)
}
if CONNECTIONS == "pool":
    DATABASES["default"]["OPTIONS"] = {"pool": True}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "bench.speed.contacts",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
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
STATIC_URL = "static/"

CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE: dict[str, Any] = {}

if SUBJECT == "ours":
    INSTALLED_APPS += ["zenvia_webhooks", "bench.speed.ours"]
    CELERY_BEAT_SCHEDULE = {**BEAT_SCHEDULE}
    # As our documentation says. For the others, Celery's own: of many short tasks, four are fetched ahead.
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
    ZENVIA_WEBHOOKS: dict[str, Any] = {"CALLBACK_BASE_URL": "http://127.0.0.1:8000"}
elif SUBJECT == "by hand":
    INSTALLED_APPS += ["rest_framework", "bench.speed.by_hand"]
elif SUBJECT == "django-anymail":
    INSTALLED_APPS += ["anymail", "bench.speed.with_anymail"]
    ANYMAIL = {"WEBHOOK_SECRET": "user:a-secret-of-the-webhook"}
elif SUBJECT == "django-github-app":
    INSTALLED_APPS += ["django_github_app"]
    GITHUB_APP = {
        "APP_ID": "1",
        "CLIENT_ID": "client",
        "NAME": "speed",
        "PRIVATE_KEY": "none is needed to receive",
        "WEBHOOK_SECRET": "a-secret-of-the-webhook",
        "DAYS_TO_KEEP_EVENTS": 7,
        # Its clean-up is a query in each request; a site that cares runs the command instead.
        "AUTO_CLEANUP_EVENTS": False,
    }
elif SUBJECT == "dj-stripe":
    INSTALLED_APPS += ["djstripe"]
    STRIPE_TEST_SECRET_KEY = "sk_test_0123456789012345678901234567"
    STRIPE_LIVE_MODE = False
    DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
    # Should it call Stripe all the same, that fails at once, and so does the measure.
    STRIPE_API_HOST = "http://127.0.0.1:1"
