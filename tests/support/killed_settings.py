"""Settings of a process that a test kills: the suite's, on the database and with the Zenvia of the present test."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["KILLED_DATABASE"]  # noqa: F405
ZENVIA_WEBHOOKS = json.loads(os.environ["KILLED_SETTINGS"])
