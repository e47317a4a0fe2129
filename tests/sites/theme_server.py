"""The themed host's web server, with one event, one subscription and somebody who may do everything.

Prints the key of that person's session, and then serves at the address that is its only argument.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from tests.support import receivers  # noqa: E402
from tests.support.webhooks import envelope, post  # noqa: E402
from zenvia_webhooks import signals, subscriptions  # noqa: E402
from zenvia_webhooks.dispatch import dispatcher  # noqa: E402


def main(address: str) -> None:
    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("admin", password="password")
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
    )
    session.create()

    _rows, [row] = subscriptions.add_missing("default", ["lead.created"])
    subscriptions.register(row)
    signals.lead_created.connect(receivers.create_customer)
    signals.lead_created.connect(receivers.broken)
    post(Client(), row, envelope(leadId="1", name="João Silva"))
    dispatcher.dispatch_due()
    print(session.session_key, flush=True)  # noqa: T201  # whoever started it reads it
    call_command("runserver", address, use_reloader=False, verbosity=0)


main(sys.argv[1])
