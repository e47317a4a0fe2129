"""A host project of its own, made by Django's startproject, and its processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import dj_database_url

from tests.support.paths import ROOT
from tests.support.shell import Shell

T = TypeVar("T")

WAIT_SECONDS = 60

SETTINGS = """
from zenvia_webhooks.schedule import BEAT_SCHEDULE

INSTALLED_APPS += ["zenvia_webhooks", "shop"]
ALLOWED_HOSTS = ["127.0.0.1"]
# What a careful host has switched on.
MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
DATABASES = {"default": @DATABASE@}
CELERY_BROKER_URL = "@BROKER@"
CELERY_TASK_DEFAULT_QUEUE = "@QUEUE@"
if CELERY_BROKER_URL == "filesystem://localhost":
    from host import file_broker
    CELERY_BROKER_TRANSPORT = "host.file_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = file_broker.options(BASE_DIR / "broker")
# The sweep alone: no test talks to Zenvia itself.
CELERY_BEAT_SCHEDULE = {"sweep": {**BEAT_SCHEDULE["zenvia_webhooks.dispatch_events"], "schedule": 0.5}}
ZENVIA_WEBHOOKS = {
    "ACCOUNTS": {"default": {"API_KEY": "key-of-the-host"}},
    "CALLBACK_BASE_URL": "http://127.0.0.1:@PORT@",
    "RETRY_DELAYS": [1, 2],
}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("zenvia/", include("zenvia_webhooks.urls"))]
"""
CELERY = """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "host.settings")
app = Celery("host")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
APPS = """
from django.apps import AppConfig
class ShopConfig(AppConfig):
    name = "shop"
    def ready(self):
        import shop.receivers
"""
MODELS = """
from django.db import models
class Customer(models.Model):
    name = models.CharField(max_length=200)
"""
RECEIVERS = """
import time
from pathlib import Path
from django.dispatch import receiver
from shop.models import Customer
from zenvia_webhooks.signals import lead_created, quote_updated

RUNS = Path(__file__).parent / "runs.txt"

def run(name):
    # A file, as no rollback takes it back.
    with RUNS.open("a") as runs:
        runs.write(f"{name} {time.time()}\\n")
    return RUNS.read_text().count(name)

@receiver(lead_created)
def create_customer(sender, event, **kwargs):
    return Customer.objects.create(name=event.lead.name)

@receiver(quote_updated)
def fails_twice(sender, event, **kwargs):
    count = run("fails_twice")
    Customer.objects.create(name=f"try {count}")
    if count < 3:
        raise RuntimeError("not yet")

@receiver(quote_updated)
def sibling(sender, event, **kwargs):
    run("sibling")
"""


#: What a host gets where nothing else is said: no server is needed.
SQLITE = "sqlite:///db.sqlite3"
FILES = "filesystem://localhost"
#: The example's own: kombu's transport over files reads messages that are half written.
FILE_BROKER = ROOT / "example_project" / "example_project" / "file_broker.py"


class Host:
    """The host project in its folder, and the processes that were started for it.

    `python` has Django and this package installed.
    """

    def __init__(self, folder: Path, python: Path, *, database_url: str = SQLITE, broker_url: str = FILES) -> None:
        self.folder, self.python, self.port = folder, python, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._shell: Shell | None = None
        self.folder.mkdir()
        self._run("-m", "django", "startproject", "host", ".")
        for path, text in {
            "host/__init__.py": "from host.celery import app as celery_app\n",
            "host/celery.py": CELERY,
            "host/urls.py": URLS,
            "shop/__init__.py": "",
            "shop/apps.py": APPS,
            "shop/models.py": MODELS,
            "shop/receivers.py": RECEIVERS,
            "host/file_broker.py": FILE_BROKER.read_text(),
        }.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(text)
        settings = SETTINGS.replace("@DATABASE@", repr(database(database_url, self.folder)))
        for mark, value in {"@PORT@": self.port, "@BROKER@": broker_url, "@QUEUE@": f"zenvia-{self.port}"}.items():
            settings = settings.replace(mark, str(value))
        with (self.folder / "host/settings.py").open("a") as file:
            file.write(settings)
        # The shop has no migrations: one process less to start.
        self.manage("migrate", "--run-syncdb")

    def manage(self, *arguments: str) -> str:
        """Run manage.py; return what it printed. Fails with its output where it fails."""
        return self._run("manage.py", *arguments)

    def shell(self, code: str) -> str:
        """Run code with the models of the app at hand; return what it printed last."""
        if self._shell is None:
            self._shell = Shell(self.python, self.folder, environment())
        return self._shell.run(code).strip().rpartition("\n")[2]

    def start(self, *, beat_apart: bool = False) -> None:
        """Start web server and worker, with beat in it or as a process of its own, and wait until both are there."""
        self._start("web", *self._runserver)
        if beat_apart:
            self._start("beat", "-m", "celery", "-A", "host", "beat", "--loglevel", "info")
        self.start_worker(beat=not beat_apart)
        wait_for(lambda: answers(self.url + "/zenvia/webhook/x/"), self.logs)

    def start_web(self, *, one_worker: bool = False) -> None:
        """Start the web server alone, with the settings as they are now; or one that serves one request at a time."""
        one = f"-m gunicorn host.wsgi --no-control-socket --workers 1 --bind 127.0.0.1:{self.port}"
        self._start("web", *(one.split() if one_worker else self._runserver))
        wait_for(lambda: answers(self.url + "/zenvia/webhook/x/"), self.logs)

    @property
    def _runserver(self) -> tuple[str, ...]:
        return ("manage.py", "runserver", "--noreload", str(self.port))

    def start_worker(self, *options: str, beat: bool = True) -> None:
        """Start a worker, with beat in it or without, and wait until it is there."""
        worker = ["-m", "celery", "-A", "host", "worker", "--concurrency", "2", "--loglevel", "info"]
        # A name of its own: RabbitMQ lets one worker of a name in, and another test may run a host at the same moment.
        worker += ["--hostname", f"host{self.port}@%h", *(["--beat"] if beat else [])]
        self._start("worker", *worker, *options)
        wait_for(lambda: " ready." in (self.folder / "worker.log").read_text(), self.logs)

    def stop(self, *names: str) -> None:
        """Stop "web", "worker", "beat", or all of them and the shell."""
        if self._shell is not None and not names:
            self._shell.stop()
            self._shell = None
        ending = [self._running.pop(name) for name in names or list(self._running)]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        return "\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in self.folder.glob("*.log"))

    def runs(self, receiver: str) -> list[float]:
        """Return when a receiver was run, by its own word."""
        path = self.folder / "shop" / "runs.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [float(line.split()[1]) for line in lines if line.split()[0] == receiver]

    def _start(self, name: str, *arguments: str) -> None:
        if name in self._running:
            self.stop(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                [self.python, *arguments], cwd=self.folder, env=environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def _run(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=cwd or self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def database(url: str, folder: Path) -> dict[str, Any]:
    """Return the settings of a database: SQLite's own file, or the one that a server's URL names."""
    settings: dict[str, Any] = {**dj_database_url.parse(url), "ATOMIC_REQUESTS": True}
    if url == SQLITE:
        settings |= {"NAME": str(folder / "db.sqlite3"), "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}}
    return settings


def build(folder: Path) -> tuple[Path, Path]:
    """Build the package from this tree; return wheel and sdist."""
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def environment() -> dict[str, str]:
    """Return this process's environment without what belongs to the suite."""
    foreign = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "DATABASE_URL", "CELERY_BROKER_URL", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Tell whether an HTTP server answers, whatever it answers."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def wait_for(look: Callable[[], T], on_failure: Callable[[], str] = str, *, seconds: float = WAIT_SECONDS) -> T:
    """Return the first true value of `look()`; fail when it takes longer."""
    ends = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < ends, on_failure()
        time.sleep(0.1)
    return found


@contextlib.contextmanager
def running(host: Host, *, beat_apart: bool = False) -> Iterator[Host]:
    try:
        host.start(beat_apart=beat_apart)
        yield host
    finally:
        host.stop()


def post(host: Host, token: str, body: bytes) -> str:
    """Post these bytes to the webhook; return status and answer."""
    url = f"{host.url}/zenvia/webhook/{token}/"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return f"{answer.status} {answer.read().decode()}"
