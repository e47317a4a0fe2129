"""What to paste where something is to do, by what was found; names are those of the project."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from zenvia_webhooks.admin.setup.lines import Snippet
from zenvia_webhooks.broker import app_name, project_package
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.origins import host_of, is_loopback

#: As the README's quickstart has it.
SANDBOX_KEY, SANDBOX_URL = "sandbox-key", "http://127.0.0.1:8090/v1"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a snippet must know of the host."""

    #: Where this page was asked for, such as "http://127.0.0.1:8000".
    origin: str

    @property
    def settings_module(self) -> str:
        # None after `settings.configure()`, and in a test that overrides a setting.
        return getattr(settings, "SETTINGS_MODULE", None) or "mysite.settings"

    @property
    def settings_file(self) -> str:
        return self.settings_module.replace(".", "/") + ".py"

    @property
    def urls_file(self) -> str:
        return str(settings.ROOT_URLCONF).replace(".", "/") + ".py"


def snippets_for(finding_id: str, project: Project) -> list[Snippet]:
    """Return what to paste for a finding; empty where its words say it all."""
    make = MAKERS.get(finding_id.removeprefix("zenvia_webhooks."))
    return make(project) if make else []


def terminal(*lines: str) -> Snippet:
    return Snippet(where=_("In a terminal of the project:"), code="\n".join(lines))


def file(name: str, code: str) -> Snippet:
    return Snippet(where=_("In %(file)s:") % {"file": name}, code=textwrap.dedent(code).strip())


def _accounts(project: Project) -> list[Snippet]:
    def block(account: str, base: str) -> str:
        lines = (f'"ACCOUNTS": {{"default": {account}}}', f'"CALLBACK_BASE_URL": "{base}"')
        return "\n".join(["ZENVIA_WEBHOOKS = {", *(f"    {line}," for line in lines), "}"])

    of_sandbox = f'{{"API_KEY": "{SANDBOX_KEY}", "API_URL": "{SANDBOX_URL}"}}'
    name = {"file": project.settings_file}
    return [
        Snippet(
            where=_("In %(file)s, with the key that Zenvia shows you:") % name,
            code="import os\n\n" + block('{"API_KEY": os.environ["ZENVIA_API_KEY"]}', _public(project)),
        ),
        Snippet(
            where=_("Or in %(file)s, without an account at Zenvia, to try it on this machine:") % name,
            code=block(of_sandbox, project.origin),
        ),
        Snippet(where=_("Its stand-in for Zenvia, in a terminal of its own:"), code="python manage.py zenvia_sandbox"),
    ]


def _public(project: Project) -> str:
    """Return the address of this page if Zenvia may reach it, else an example."""
    return project.origin if project.origin.startswith("https://") else "https://crm.example.com"


def _base(project: Project) -> list[Snippet]:
    if not hasattr(settings, "ZENVIA_WEBHOOKS"):
        return []  # it is among what the missing account needs
    return [file(project.settings_file, f'ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "{project.origin}"')]


def _urls(project: Project) -> list[Snippet]:
    code = """
        from django.urls import include, path

        urlpatterns = [path("zenvia/", include("zenvia_webhooks.urls")), *urlpatterns]
    """
    return [file(project.urls_file, code)]


def _hosts(project: Project) -> list[Snippet]:
    host = urlsplit(conf.callback_base_url or project.origin).hostname
    return [file(project.settings_file, f'ALLOWED_HOSTS = [*ALLOWED_HOSTS, "{host}"]')]


def _celery(project: Project) -> list[Snippet]:
    code = f"""
        import os

        from celery import Celery

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{project.settings_module}")

        app = Celery("{project_package()}")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
    """
    return [
        file(f"{project_package()}/celery.py", code),
        file(f"{project_package()}/__init__.py", "from .celery import app as celery_app  # noqa: F401"),
    ]


def _broker(project: Project) -> list[Snippet]:
    return [file(project.settings_file, 'CELERY_BROKER_URL = "redis://127.0.0.1:6379/0"')]


def _worker(project: Project) -> list[Snippet]:
    return [_with_beat(project)] if settings.DEBUG else [terminal(f"celery -A {app_name()} worker")]


def _beat(project: Project) -> list[Snippet]:
    code = """
        from zenvia_webhooks.schedule import BEAT_SCHEDULE

        CELERY_BEAT_SCHEDULE = {**globals().get("CELERY_BEAT_SCHEDULE", {}), **BEAT_SCHEDULE}
    """
    run = _with_beat(project) if settings.DEBUG else terminal(f"celery -A {app_name()} beat")
    return [file(project.settings_file, code), run]


def _with_beat(project: Project) -> Snippet:
    where = _("In a terminal of its own: a worker with beat inside, for development.")
    return Snippet(where=where, code=f"celery -A {app_name()} worker -B --loglevel INFO")


def _receivers(project: Project) -> list[Snippet]:
    receiver = """
        from django.dispatch import receiver

        from zenvia_webhooks.signals import lead_created


        @receiver(lead_created)
        def save_contact(sender, event, **kwargs):
            print(event.lead.name, event.lead.phone)
    """
    app = """
        from django.apps import AppConfig


        class ContactsConfig(AppConfig):
            name = "contacts"

            def ready(self):
                from . import receivers  # noqa: F401
    """
    return [file("contacts/receivers.py", receiver), file("contacts/apps.py", app)]


def _sandbox(project: Project) -> list[Snippet]:
    """Return how to start the stand-in, where an account is of this machine."""
    try:
        urls = [account.api_url for account in conf.accounts.values()]
    except ZenviaConfigurationError:
        return []
    here = [url for url in urls if is_loopback(urlsplit(url).hostname)]
    port = host_of(here[0]).rpartition(":")[2] if here else ""
    option = f" --port {port}" if port.isdecimal() and here[0] != SANDBOX_URL else ""
    where = _("Is it the stand-in? In a terminal of its own:")
    return [Snippet(where=where, code=f"python manage.py zenvia_sandbox{option}")] if here else []


MAKERS: dict[str, Callable[[Project], list[Snippet]]] = {
    "W001": _accounts,
    "W002": _accounts,
    "W003": _base,
    "W004": _urls,
    "W006": _hosts,
    "W007": _celery,
    "no-broker": _broker,
    "no-worker": _worker,
    "no-beat": _beat,
    "no-receivers": _receivers,
    "no-zenvia": _sandbox,
    "unapplied-migration": lambda _project: [terminal("python manage.py migrate")],
}
