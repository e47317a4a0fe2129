"""The example project's settings, from the same environment variables, and what a row of the table sets."""

from __future__ import annotations

import json
import os

from example_project.settings import *  # noqa: F403
from example_project.settings import CELERY_BEAT_SCHEDULE, CELERY_BROKER_URL, INSTALLED_APPS, ZENVIA_WEBHOOKS

INSTALLED_APPS = [*INSTALLED_APPS, "bench.faults.app"]
ZENVIA_WEBHOOKS = {**ZENVIA_WEBHOOKS, **json.loads(os.environ.get("FAULTS_SETTINGS", "{}"))}
if _seconds := os.environ.get("FAULTS_SWEEP"):
    _sweep = "zenvia_webhooks.dispatch_events"
    CELERY_BEAT_SCHEDULE = {_sweep: {**CELERY_BEAT_SCHEDULE[_sweep], "schedule": float(_seconds)}}
if CELERY_BROKER_URL.startswith("redis:") and "FAULTS_KEY_PREFIX" in os.environ:
    # So that nothing else in somebody's Redis is touched.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": os.environ["FAULTS_KEY_PREFIX"]}
# A worker that lost its broker comes back as soon as it does.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
if "FAULTS_MAILS" in os.environ:
    # Mails are files in this folder.
    MANAGERS = [("On call", "on-call@crm.example.com")]
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = os.environ["FAULTS_MAILS"]
