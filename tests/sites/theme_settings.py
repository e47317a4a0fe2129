"""A host whose admin wears the theme that the environment names; "" is Django's own."""

from __future__ import annotations

import os
from pathlib import Path

from tests.settings import *  # noqa: F403  # the same host otherwise
from tests.settings import INSTALLED_APPS, MIDDLEWARE

THEME = os.environ["SITE_THEME"]
#: Each as its own documentation says.
APPS = {
    "": [],
    "admin_interface": ["admin_interface", "colorfield"],
    "grappelli": ["grappelli"],
    "jazzmin": ["jazzmin"],
    "simpleui": ["simpleui"],
    "unfold": ["unfold"],
}
INSTALLED_APPS = [*APPS[THEME], *INSTALLED_APPS]
MIDDLEWARE = [*MIDDLEWARE, "django.middleware.clickjacking.XFrameOptionsMiddleware"]
X_FRAME_OPTIONS = "SAMEORIGIN"
DEBUG = True
STATIC_URL = "/static/"
LANGUAGE_CODE = "en-us"
ROOT_URLCONF = "tests.sites.theme_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["SITE_FOLDER"]) / "db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
ZENVIA_WEBHOOKS = {
    "ACCOUNTS": {"default": {"API_KEY": "key-of-the-tests", "API_URL": os.environ["SITE_ZENVIA"]}},
    "CALLBACK_BASE_URL": os.environ["SITE_URL"],
}
