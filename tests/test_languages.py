"""Pages and commands in each language: all of it is there, and none of our English."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import ngettext, override
from pytest_django.live_server_helper import LiveServer

from tests.support.account import KEY
from tests.support.admin_pages import ADD, AT_ZENVIA
from tests.support.admin_pages import LIST as SUBSCRIPTIONS
from tests.support.factories import make_event
from tests.support.installation import Installation
from tests.support.languages import english_in, visible
from zenvia_webhooks.contracts import ENVELOPES
from zenvia_webhooks.contracts.words import label, words
from zenvia_webhooks.diagnosis import workers
from zenvia_webhooks.exceptions import ZenviaAPIError
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox

EVENTS = "/admin/zenvia_webhooks/event/"
#: The language of a site → our catalogue for it.
CATALOGUES = {"pt-br": "pt_BR", "es-ar": "es", "es-mx": "es"}


@pytest.fixture
def site(settings: Any, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.2)
    with Sandbox(api_key=KEY) as sandbox:
        yield Installation(settings, sandbox, live_server.url)


def seen(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return visible(response.content.decode())


def doctor() -> str:
    output = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("zenvia_doctor", stdout=output)
    return output.getvalue()


def make_events(subscription: Subscription) -> None:
    """Make one of each status."""
    for status in Event.Status:
        topic = "" if status == Event.Status.QUARANTINED else "lead.created"
        make_event(subscription=subscription, status=status, topic=topic)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("pt-br", ("entregue", "tentando de novo", "ninguém escuta", "aguardando", "não entendido", "Novo lead")),
        ("es-ar", ("entregado", "reintentando", "nadie escucha", "en espera", "no entendido", "Nuevo lead")),
    ],
)
def test_pages_and_doctor_speak_the_sites_language(
    language: str, said: tuple[str, ...], site: Installation, settings: Any
) -> None:
    settings.LANGUAGE_CODE = language
    client, catalogue = Client(), CATALOGUES[language]
    client.force_login(User.objects.create_superuser("chief"))
    subscription = site.subscription
    make_events(subscription)
    site.sandbox.add(["quote.updated"], "https://other.example.com/hook")

    listed = client.get(EVENTS).content.decode()
    for status in Event.Status:
        assert f'<span class="zenvia-name">{status}</span>' in listed or f">{status}</span>" in listed
    assert '<span class="zenvia-name">lead.created</span>' in listed
    shown = visible(listed)
    assert [word for word in said if word not in shown] == []

    pages = (
        *("/admin/zenvia_webhooks/", EVENTS, SUBSCRIPTIONS, ADD, AT_ZENVIA),
        *(f"{EVENTS}{event.pk}/change/" for event in Event.objects.all()),
        *(
            f"{SUBSCRIPTIONS}{subscription.pk}/{page}/"
            for page in ("change", "delete", "do/rotate", "do/change-topics")
        ),
    )
    english = {path: english_in(seen(client, path), catalogue) for path in pages}
    page = requests.get(site.sandbox.url, timeout=5)
    english["sandbox"] = english_in(visible(page.text), catalogue)
    assert f'lang="{language}"' in page.text

    # What is wrong, and what to do about it.
    site.let_heartbeat_grow_old("worker", "beat")
    text = doctor()
    english["doctor"] = english_in(text, catalogue)
    assert {path: found for path, found in english.items() if found} == {}
    assert {"pt-br": "quebrado", "es-ar": "roto"}[language] in text


def test_every_topic_that_arrives_has_words() -> None:
    topics = {topic for envelope in ENVELOPES.values() for topic in envelope.ARRIVING}
    assert [topic for topic in sorted(topics) if not words(topic)] == []
    assert (label("lead.created"), label("visit.created")) == ("New lead (lead.created)", "visit.created")
    with override("pt-br"):
        assert label("lead.created") == "Novo lead (lead.created)"


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("pt-br", ("0 evento corresponde.", "1 evento corresponde.", "2 eventos correspondem.")),
        ("es-mx", ("0 eventos coinciden.", "1 evento coincide.", "2 eventos coinciden.")),
        ("en", ("0 events match.", "1 event matches.", "2 events match.")),
    ],
)
def test_plural_is_the_languages_own(language: str, forms: tuple[str, ...]) -> None:
    with override(language):
        found = [ngettext("%(count)d event matches.", "%(count)d events match.", n) % {"count": n} for n in range(3)]
    assert tuple(found) == forms


def test_error_is_in_the_language_of_whoever_reads_it() -> None:
    with override("es-ar"):
        error = ZenviaAPIError("GET /subscriptions", status=401, message="no")
        spanish = str(error)
    with override("pt-br"):
        assert str(error) == "GET /subscriptions foi respondido com 401: no"
    with override("en"):
        assert str(error) == "GET /subscriptions was answered 401: no"
    assert spanish == "GET /subscriptions se respondió con 401: no"


@pytest.mark.django_db
def test_time_is_in_the_readers_format(admin_client: Client, settings: Any) -> None:
    event = make_event()
    shown = set()
    for language in ("en", "pt-br"):
        settings.LANGUAGE_CODE = language
        with override(language):
            day = date_format(localtime(event.received_at), "SHORT_DATE_FORMAT")
        assert day in admin_client.get(EVENTS).content.decode()
        shown.add(day)
    assert len(shown) == 2
