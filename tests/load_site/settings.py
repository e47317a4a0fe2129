"""The example project's settings, from the same environment variables, and what the load test adds."""

from __future__ import annotations

import os

from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS, ZENVIA_WEBHOOKS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.load_site"]
ZENVIA_WEBHOOKS = {**ZENVIA_WEBHOOKS, "LEASE_SECONDS": float(os.environ["LEASE_SECONDS"])}
# So that nothing else in this Redis is touched.
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": os.environ["KEY_PREFIX"]}
