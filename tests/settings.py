"""A host project's settings, for the tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import dj_database_url

from tests.support.account import make_settings
from zenvia_webhooks.schedule import BEAT_SCHEDULE

SECRET_KEY = "a key for the tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "America/Sao_Paulo"
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES: dict[str, Any] = {"default": dj_database_url.parse(os.environ.get("DATABASE_URL") or "sqlite://:memory:")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as several threads and processes share it.
    _file = str(Path(tempfile.mkdtemp(prefix="zenvia_webhooks_tests")) / "test.sqlite3")
    DATABASES["default"] |= {
        # Nobody cuts the power: without waiting for the disk, what empties the tables takes a third of the time.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA synchronous=OFF"},
        "TEST": {"NAME": _file},
    }
    if DATABASES["default"]["NAME"] == ":memory:":
        # A live server that starts before the test database is there would take its one connection for all threads.
        DATABASES["default"]["NAME"] = _file

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Here, too, nobody waits for the disk.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c synchronous_commit=off")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "zenvia_webhooks",
    "tests.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
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
# Quick, as so many tests log in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Asked for by Django 6.1 before it sends; the suite's own backend takes its place.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

CELERY_BROKER_URL = "memory://"
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE

ZENVIA_WEBHOOKS = make_settings()
