"""The pictured site's process: fills it, prints what there is as JSON, and serves at the address that it is given.

Each line that it reads is a state that the site enters: see `STATES`, and answers with what there is to see besides.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402

from bench.screenshots import filling  # noqa: E402
from tests.celery import app  # noqa: E402, F401  # as a host's __init__.py does
from zenvia_webhooks.dispatch import heartbeat  # noqa: E402
from zenvia_webhooks.sandbox import Sandbox  # noqa: E402

logger = logging.getLogger(__name__)
#: Name → what brings the site into that state, in their order.
STATES: dict[str, Callable[[], dict[str, int | str] | None]] = {
    "troubled": filling.trouble,
    "replaying": filling.replay,
    "replayed": filling.stop_replaying,
    "healthy": filling.mend,
    "worked": filling.work,
    "empty": filling.empty,
}


def main(address: str) -> None:
    call_command("migrate", verbosity=0)
    # By the name that a host's own would have.
    importlib.import_module("sales.receivers")
    port = urlsplit(os.environ["SITE_ZENVIA"]).port or 0
    with Sandbox(api_key="key-of-the-site", port=port) as zenvia:
        shown = filling.fill(zenvia, random.Random(7))  # the same week each time
        sessions = {"admin": session(), "viewer": session("view_event", "view_subscription")}
        # A thread of ours stands in for worker and beat, that events which are to be seen failing stay so.
        for work in (live, listen):
            threading.Thread(target=work, daemon=True).start()
        say({"sandbox": zenvia.url, "sessions": sessions, "shown": shown})
        call_command("runserver", address, use_reloader=False, verbosity=0, stdout=sys.stderr)


def session(*permissions: str) -> str:
    """Return the key of a session of somebody with these permissions; of one who may do everything, without any."""
    name = "marina" if permissions else "admin"
    user = User.objects.create_user(name, is_staff=True, is_superuser=not permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    assert store.session_key is not None
    return store.session_key


def live() -> None:
    while True:
        heartbeat.write(heartbeat.WORKER, heartbeat.BEAT)
        time.sleep(1)


def listen() -> None:
    try:
        for line in sys.stdin:
            say(STATES[line.strip()]() or {})
    except Exception:
        logger.exception("the site is in no such state")
    # Whoever waits for an answer sees the end; and who started this is gone.
    os._exit(1)


def say(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  # whoever started it reads it


main(sys.argv[1])
