"""The pictured site: the tests' host, with the example's CRM, two accounts, and a strict policy for content."""

from __future__ import annotations

import os
from pathlib import Path

from tests.settings import *  # noqa: F403  # the same host otherwise
from tests.settings import INSTALLED_APPS, MIDDLEWARE

DEBUG = True
STATIC_URL = "/static/"
INSTALLED_APPS = ["crm" if app == "tests.shop" else app for app in INSTALLED_APPS]
MIDDLEWARE = ["bench.screenshots.policy.strict", *MIDDLEWARE]
# The sandbox's page speaks the site's language, and none that a browser asks for.
LANGUAGE_CODE = os.environ["SITE_LANGUAGE"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["SITE_FOLDER"]) / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA synchronous=OFF"},
    }
}
_account = {"API_KEY": "key-of-the-site", "API_URL": os.environ["SITE_ZENVIA"]}
ZENVIA_WEBHOOKS = {
    "ACCOUNTS": {"default": _account, "showroom": {**_account, "CONTRACT": "conversion", "RECOVER": True}},
    "CALLBACK_BASE_URL": os.environ["SITE_URL"],
    "QUIET_HOURS": 48,
}
