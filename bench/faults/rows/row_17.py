"""A receiver that fails for every one of 300 leads: what doctor, dashboard and mail say after 1, 5 and 15 minutes."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from html import unescape

from bench.faults.case import Case, Line
from bench.faults.site import PROJECT, Site
from tests.support.host import free_port
from zenvia_webhooks.conf import conf
from zenvia_webhooks.sandbox import Sandbox

LEADS = 300
MINUTES = (1, 5, 15)
RECEIVER = "bench.faults.app.receivers.calls_a_dead_crm"
PAGE = "admin/zenvia_webhooks/"
#: Prints the cookie of somebody who may see everything.
LOG_IN = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth.models import User

user = User.objects.create_superuser("on-call")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session.update({
    "_auth_user_id": str(user.pk),
    "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
    "_auth_user_hash": user.get_session_auth_hash(),
})
session.save()
print(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
"""


def run(case: Case) -> None:
    with case.part("a receiver that fails for every lead") as line, down(case) as site:
        suffer(line, site, [60 * minutes for minutes in (MINUTES[:1] if case.short else MINUTES)])


@contextlib.contextmanager
def down(case: Case) -> Iterator[Site]:
    """Start a site, registered at a stand-in Zenvia, whose CRM is down."""
    port = free_port()
    # With DEBUG, as otherwise who asks over plain HTTP is sent elsewhere.
    variables = {"ALLOWED_HOSTS": "127.0.0.1,crm.example.com", "DEBUG": "1", "FAULTS_MAILS": f"{case.folder}/mails"}
    variables["CALLBACK_BASE_URL"] = f"http://127.0.0.1:{port}"
    with Sandbox("key-of-the-site") as sandbox:
        variables["ZENVIA_API_URL"] = sandbox.api_url
        receivers = "effect calls_a_dead_crm"
        with case.site(receivers=receivers, retry_delays=conf.retry_delays, variables=variables) as site:
            site.ports["web"] = port
            site.start_web()
            # Every site is given one that Zenvia does not know.
            site.rows("DELETE FROM zenvia_webhooks_subscription")
            site.manage("zenvia_register_subscription", "--topic", "lead.created")
            site.token = site.ask("SELECT token FROM zenvia_webhooks_subscription")
            site.start_worker()
            site.start_beat()
            yield site


def suffer(line: Line, site: Site, moments: list[int]) -> None:
    cookie = site.manage("shell", "-v0", "-c", LOG_IN)
    sent = site.answered(site.send(range(LEADS)))
    began = time.monotonic()
    for seconds in moments:
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        code, said = doctor(site)
        shown, written = dashboard(site, cookie), mails(site)
        for what, text in {f"doctor, {code}": said, "dashboard": shown, "mails": "\n".join(written)}.items():
            line.notes.append(f"\n--- {seconds} s: {what}\n{text}")
        line.expect(code == 1, f"after {seconds} s the doctor ended with {code}")
        line.expect(f"{RECEIVER} fails for every event" in said, f"after {seconds} s the doctor did not name it")
        line.expect(shown.startswith(RECEIVER), f"after {seconds} s the dashboard begins otherwise")
        # Beat has it looked for every minute.
        line.expect(len(written) == 1 or seconds <= 60, f"after {seconds} s there are {len(written)} mails")
    (site.folder / "mended").touch()
    site.manage("zenvia_replay_events", "--receiver", RECEIVER, "--no-input")
    site.drain(120)
    code, said = doctor(site)
    line.expect(code == 0, f"once mended, the doctor ended with {code}: {said}")
    line.count(sent, site.check(sent["acknowledged"]), may_run_twice=True)


def doctor(site: Site) -> tuple[int, str]:
    """Return the exit code, and what was printed of what is not well."""
    command = [sys.executable, "manage.py", "zenvia_doctor"]
    done = subprocess.run(command, cwd=PROJECT, env=site.environment, capture_output=True, text=True, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode, "\n".join(line for line in lines if not line.startswith("ok "))


def dashboard(site: Site, cookie: str) -> str:
    """Return the words of the dashboard."""
    request = urllib.request.Request(f"http://127.0.0.1:{site.ports['web']}/{PAGE}", headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=20) as answer:
        page = answer.read().decode()
    found = re.search(r'<div class="zenvia-dashboard">.*?<div id="content-main">', page, re.DOTALL)
    shown = re.sub(r'<svg.*?</svg>|<div class="zenvia-axis".*?</div>', "", found[0] if found else "", flags=re.DOTALL)
    lines = re.sub(r"<[^>]+>", "", re.sub(r"\s+", " ", shown).replace("</p>", "\n").replace("</li>", "\n")).splitlines()
    return "\n".join(" ".join(unescape(line).split()) for line in lines if line.strip())


def mails(site: Site) -> list[str]:
    """Return subject and text of each mail that was sent."""
    texts = []
    for path in sorted((site.folder.parent / "mails").glob("*.log")):
        for part in path.read_text().split("-" * 79 + "\n"):
            if part.strip():
                mail = email.message_from_string(part, policy=email.policy.default)
                texts.append(f"{mail['Date']} {mail['Subject']}\n{mail.get_content()}")
    return texts
