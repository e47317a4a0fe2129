"""The nginx.conf that is shipped, in a real nginx before real gunicorns: no token in a log, no webhook lost."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.host import answers, environment, free_port, wait_for
from tests.support.nginx import SITE, Nginx, need_nginx
from tests.support.paths import ROOT

pytestmark = [pytest.mark.once, pytest.mark.long, pytest.mark.services, pytest.mark.worker, pytest.mark.timeout(200)]

LEAD = {"topic": "lead.created", "data": {"leadId": "1", "name": "João"}}
MAKE = "from zenvia_webhooks.models import *; s = Subscription.objects.create(topics=['lead.created']); print(s.token)"
LATEST = "from zenvia_webhooks.models import *; print(Event.objects.latest('pk').duplicates)"


class Webs:
    """Two gunicorns as compose.yaml starts them, but on SQLite and without a broker that answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ports = folder, [free_port(), free_port()]
        self.environment = environment() | {
            "DEBUG": "0",
            "SECRET_KEY": "a key for nginx's tests",
            "ALLOWED_HOSTS": SITE,
            "BEHIND_HTTPS_PROXY": "1",
            "CALLBACK_BASE_URL": f"https://{SITE}",
            "DATA_DIR": str(folder),
            "PYTHONPATH": str(ROOT),
            # So that gunicorn's own log is looked at with its requests in it.
            "GUNICORN_CMD_ARGS": "--access-logfile -",
        }
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.manage("migrate", "--no-input")
        self.manage("collectstatic", "--no-input")
        self.token = self.manage("shell", "-v0", "-c", MAKE)
        for port in self.ports:
            self.start(port)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        cwd = ROOT / "example_project"
        done = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, port: int) -> None:
        command = ["-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
        with (self.folder / f"web-{port}.log").open("ab") as log:
            self.running[port] = subprocess.Popen(
                [sys.executable, *command, "example_project.wsgi"],
                cwd=ROOT / "example_project",
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/"), self.logs)

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("web-*.log"))

    def signal(self, port: int, number: int) -> None:
        os.killpg(self.running[port].pid, number)

    def kill(self, port: int) -> None:
        self.signal(port, signal.SIGKILL)
        self.running.pop(port).wait()

    def stop(self) -> None:
        for port in list(self.running):
            self.kill(port)


@pytest.fixture(scope="module")
def webs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webs]:
    need_nginx()
    webs = Webs(tmp_path_factory.mktemp("webs"))
    yield webs
    webs.stop()


@pytest.fixture
def nginx(webs: Webs, tmp_path: Path) -> Iterator[Nginx]:
    (tmp_path / "nginx").mkdir()
    nginx = Nginx(tmp_path / "nginx", webs.ports)
    yield nginx
    nginx.stop()


def ask(
    nginx: Nginx, method: str, path: str, body: bytes | None = None, *, tls: bool = True, site: str = SITE
) -> tuple[int, bytes]:
    """Return status and body of an answer; the certificate is the test's own."""
    connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=30)
    if tls:
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=30)
        connection.sock = trusting.wrap_socket(plain, server_hostname=site)
    # A browser's: whoever follows a link from the page of a webhook.
    headers = {"Host": site, "Referer": f"https://{site}{path}", "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_requests_get_through_and_no_token_gets_into_a_log(webs: Webs, nginx: Nginx) -> None:
    lead, stranger = json.dumps(LEAD).encode(), "f" * 64
    path = f"/zenvia/webhook/{webs.token}/"
    # What Zenvia sends, under every answer; and what else can bring a token into a path.
    answered = [
        (ask(nginx, "POST", path, lead), 200),
        (ask(nginx, "POST", path.rstrip("/"), lead), 200),
        (ask(nginx, "POST", path, b"no JSON"), 400),
        (ask(nginx, "POST", f"/zenvia/webhook/{stranger}/", lead), 404),
        (ask(nginx, "POST", f"{path}more", lead), 404),
        (ask(nginx, "GET", path), 405),
        (ask(nginx, "POST", path, b" " * 262_145), 413),
        (ask(nginx, "POST", path, lead, tls=False), 404),
        (ask(nginx, "GET", f"/elsewhere/{webs.token}/", tls=False), 301),
        (ask(nginx, "GET", f"/elsewhere/{webs.token}/"), 404),
        (ask(nginx, "GET", f"/?next={path}"), 302),
        (ask(nginx, "GET", "/static/admin/css/base.css"), 200),
    ]
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        ask(nginx, "POST", path, lead, site="another.example.com")
    # Hung up on: an end of the connection, or a reset if the body was still under way.
    with pytest.raises(ConnectionResetError):
        ask(nginx, "POST", path, lead, tls=False, site="another.example.com")
    assert [status for (status, _body), _expected in answered] == [status for _answer, status in answered]
    assert json.loads(answered[0][0][1]) == {"status": "accepted", "event": 1}
    assert json.loads(answered[1][0][1]) == {"status": "duplicate", "event": 1}

    nginx.stop()
    for log in (nginx.logs(), webs.logs()):
        assert log
        assert webs.token not in log
        assert stranger not in log
        assert not re.search("[0-9a-f]{40}", log)
    # All the same, each request is in the log, and where it went.
    lines = nginx.access()
    statuses = [line.split('" ')[1].split()[0] for line in lines]
    # 444: nginx hung up on who called it by another name.
    assert sorted(statuses) == sorted(["444", *(str(status) for _answer, status in answered)])
    assert '"POST /zenvia/webhook/(token) HTTP/1.1" 200' in lines[0]
    assert '"GET (hidden) HTTP/1.1" 301' in nginx.logs()


def test_who_tries_passwords_is_slowed_down_and_zenvia_is_not(webs: Webs, nginx: Nginx) -> None:
    began = time.monotonic()
    tried = [ask(nginx, "POST", "/admin/login/", b"{}")[0] for _turn in range(20)]
    # One and ten more at once, then one every six seconds: on a slow machine twenty take longer than that.
    let_through = 11 + int((time.monotonic() - began) / 6)
    assert set(tried[:11]) == {403}
    assert 11 <= tried.count(403) <= let_through < 20
    assert tried.count(403) + tried.count(429) == 20
    # To look at the form is no attempt.
    assert ask(nginx, "GET", "/admin/login/")[0] == 200
    path, lead = f"/zenvia/webhook/{webs.token}/", json.dumps(LEAD).encode()
    assert {ask(nginx, "POST", path, lead)[0] for _turn in range(60)} == {200}


def test_gunicorn_names_no_token_in_the_log_of_its_own_errors(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def application(environ, start_response): raise SystemError('on purpose')")
    port, token = free_port(), "0123456789abcdef" * 4
    command = ["-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--pythonpath", str(tmp_path), "broken"],
            cwd=ROOT / "example_project",
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}/zenvia/webhook/{token}/"
        wait_for(lambda: answers(url), (tmp_path / "log").read_text)
    finally:
        process.terminate()
        process.wait(timeout=30)
    text = (tmp_path / "log").read_text()
    assert "/zenvia/webhook/012345…/" in text
    assert token not in text


def test_two_gunicorns_of_one_user_do_not_fight_for_a_control_socket(webs: Webs) -> None:
    assert webs.logs().count("Booting worker") == 2
    assert "control s" not in webs.logs().lower()


def test_a_webhook_is_handed_to_the_other_process_when_one_is_gone(webs: Webs, nginx: Nginx) -> None:
    """The last one: no gunicorn is left then."""
    path = f"/zenvia/webhook/{webs.token}/"
    lead = json.dumps({"topic": "lead.created", "data": {"leadId": "handed on"}}).encode()
    webs.kill(webs.ports[0])
    assert [ask(nginx, "POST", path, lead)[0] for _turn in range(4)] == [200] * 4
    assert webs.manage("shell", "-v0", "-c", LATEST) == "3"
    webs.kill(webs.ports[1])
    assert ask(nginx, "POST", path, lead)[0] == 502
    nginx.stop()
    assert all(f"127.0.0.1:{port}" in nginx.access()[-1] for port in webs.ports)
    assert webs.token not in nginx.logs()
