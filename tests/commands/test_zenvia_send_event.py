"""`zenvia_send_event`: to a real web server with this app in it, and to a URL."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox


def send(*options: str) -> str:
    """Run the command and return what it printed."""
    out = io.StringIO()
    call_command("zenvia_send_event", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def site(live_server: LiveServer, settings: Any) -> LiveServer:
    """A running site that knows its own address."""
    settings.ZENVIA_WEBHOOKS = {
        "ACCOUNTS": {"default": {"API_KEY": "key", "WIRE_TOPICS": {"quote.updated": "quote.status"}}},
        "CALLBACK_BASE_URL": live_server.url,
    }
    return live_server


@pytest.fixture
def elsewhere(settings: Any) -> Iterator[Sandbox]:
    """Any web server that keeps what it gets; it answers 401."""
    settings.ZENVIA_WEBHOOKS = {}
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.django_db(transaction=True)
def test_it_posts_to_the_newest_subscription_that_holds_the_topic(site: LiveServer) -> None:
    Subscription.objects.create(topics=["lead.created"])
    newest = Subscription.objects.create(topics=["lead.created"], status=Subscription.Status.ACTIVE)
    Subscription.objects.create(topics=["lead.created"], status=Subscription.Status.INACTIVE)
    Subscription.objects.create(topics=["interaction.resolved"])

    output = send("--field", "name=João Silva", "--field", "leadId=a=b")

    event = Event.objects.get()
    assert (event.subscription, event.topic) == (newest, "lead.created")
    assert (event.data["name"], event.data["leadId"]) == ("João Silva", "a=b")
    assert f"{site.url} answered 200 in " in output
    assert '"accepted"' in output
    assert newest.token not in output


@pytest.mark.django_db(transaction=True)
def test_it_posts_the_topic_of_the_given_subscription_as_the_wire_names_it(site: LiveServer) -> None:
    quotes = Subscription.objects.create(topics=["quote.updated"])
    send("--subscription", str(quotes.pk))
    event = Event.objects.get()
    assert (event.subscription, event.topic) == (quotes, "quote.updated")
    assert event.payload is not None
    assert event.payload["topic"] == "quote.status"


@pytest.mark.parametrize("by_setting", [True, False])
@pytest.mark.parametrize("topic", ["lead.created", "quote.updated", "interaction.resolved", "agent.created"])
@pytest.mark.django_db(transaction=True)
def test_it_posts_in_the_other_envelope(site: LiveServer, settings: Any, topic: str, by_setting: bool) -> None:
    account = {"API_KEY": "key", "CONTRACT": "conversion"} if by_setting else {"API_KEY": "key"}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": site.url}
    Subscription.objects.create(topics=[topic])
    send("--topic", topic, "--field", "note=x", *([] if by_setting else ["--contract", "conversion"]))
    event = Event.objects.get()
    assert (event.contract, event.topic, event.data["note"]) == ("conversion", topic, "x")


@pytest.mark.parametrize(
    ("topic", "kind", "contract"),
    [
        ("lead.archived", None, "conversion"),
        ("lead.updated", "asked again", "conversion"),
        ("interaction.resolved", "closed", "messaging"),
        ("contact.updated", None, "messaging"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_it_posts_to_whoever_holds_the_resource_or_any_for_messaging(
    site: LiveServer, settings: Any, topic: str, kind: str | None, contract: str
) -> None:
    account = {"API_KEY": "key", "CONTRACT": "conversion"}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": site.url}
    row = Subscription.objects.create(topics=["lead.created"])
    Subscription.objects.create(topics=["agent.created"], status=Subscription.Status.INACTIVE)
    of_kind = ["--kind", kind] if kind else []
    assert "answered 200" in send("--topic", topic, "--contract", contract, *of_kind)
    event = Event.objects.get()
    assert event.subscription == row
    payload = json.loads(bytes(event.body))
    assert ("topic" in payload) == (contract == "conversion")
    with pytest.raises(CommandError, match=r"No subscription holds 'quote\.created'"):
        send("--topic", "quote.created")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--topic", "visit.booked"],
            r"no sample of 'visit.booked' under help_center: choose from lead.created, quote",
        ),
        (["--topic", "visit.booked", "--contract", "conversion"], r"choose from lead.created, lead.updated, lead.arch"),
        (["--topic", "visit.booked", "--contract", "messaging"], r"interaction.resolved, conversation.created"),
        (
            ["--topic", "interaction.created", "--contract", "conversion", "--kind", "song"],
            r"it has: inbound, outbound",
        ),
        (["--kind", "social"], r"it has: none.*--file"),
    ],
)
def test_an_unknown_topic_or_kind_says_which_there_are(settings: Any, options: list[str], words: str) -> None:
    settings.ZENVIA_WEBHOOKS = {}
    with pytest.raises(CommandError, match=words):
        send("--url", "http://127.0.0.1:1/", *options)


def test_a_topic_of_the_accounts_own_is_sent_with_the_fields_alone(elsewhere: Sandbox, settings: Any) -> None:
    account = {"API_KEY": "key", "WIRE_TOPICS": {"visit.booked": "visit"}}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}
    with pytest.raises(CommandError, match="answered 401"):
        send("--url", f"{elsewhere.api_url}/hook", "--topic", "visit.booked", "--field", "room=7")
    payload = json.loads(elsewhere.requests[0].body)
    assert (payload["topic"], payload["data"]) == ("visit", {"room": "7"})


@pytest.mark.django_db(transaction=True)
def test_it_posts_a_files_exact_bytes(site: LiveServer, tmp_path: Path) -> None:
    body = '{ "topic":"lead.created",\r\n "data":{"name":"João"}}\n'.encode()
    (tmp_path / "lead.json").write_bytes(body)
    Subscription.objects.create(topics=["lead.created"])
    send("--file", str(tmp_path / "lead.json"))
    assert bytes(Event.objects.get().body) == body


@pytest.mark.django_db(transaction=True)
def test_a_refusal_is_a_failure(site: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_bytes(b"{")
    Subscription.objects.create(topics=["lead.created"])
    with pytest.raises(CommandError, match="answered 400"):
        send("--file", str(tmp_path / "broken.json"))
    dead = Subscription.objects.create(topics=["lead.created"], status=Subscription.Status.INACTIVE)
    with pytest.raises(CommandError, match="answered 404"):
        send("--subscription", str(dead.pk))


@pytest.mark.django_db
def test_without_a_subscription_it_says_how_to_register_one() -> None:
    with pytest.raises(CommandError, match=r"zenvia_register_subscription --topic quote\.updated"):
        send("--topic", "quote.updated")
    with pytest.raises(CommandError, match="no subscription #7"):
        send("--subscription", "7")


@pytest.mark.django_db
def test_what_is_not_configured_is_said_without_a_traceback(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"API_KEY": "key"}}}
    Subscription.objects.create(topics=["lead.created"])
    with pytest.raises(CommandError, match="CALLBACK_BASE_URL"):
        send()
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": "http://127.0.0.1:1"}
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    with pytest.raises(CommandError, match=r"zenvia_webhooks\.urls"):
        send()


def test_it_posts_json_to_a_url_without_database_or_settings(elsewhere: Sandbox) -> None:
    with pytest.raises(CommandError, match="answered 401"):
        send("--url", f"{elsewhere.api_url}/hook", "--topic", "quote.updated", "--field", "room=7")
    [request] = elsewhere.requests
    assert (request.method, request.path) == ("POST", "/v1/hook")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("zenvia_send_event")
    payload = json.loads(request.body)
    assert (payload["topic"], payload["data"]["room"]) == ("quote.updated", "7")


def test_no_connection_is_a_failure_that_does_not_show_the_token(elsewhere: Sandbox) -> None:
    url = f"{elsewhere.url}/zenvia/webhook/5ec2e7/"
    elsewhere.close()
    with pytest.raises(CommandError, match="can't be reached") as caught:
        send("--url", url)
    assert "5ec2e7" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--url", "crm.example.com/hook"], "http:// or https://"),
        (["--url", "http://[crm/"], "http:// or https://"),
        (["--url", "http://127.0.0.1:1/", "--field", "name"], "KEY=VALUE"),
        (["--url", "http://127.0.0.1:1/", "--file", "no/such/file.json"], "No such file"),
        (["--url", "http://127.0.0.1:1/", "--subscription", "1"], "not allowed with"),
        (["--url", "http://127.0.0.1:1/", "--contract", "third"], "invalid choice"),
        (["--file", "a.json", "--field", "name=Ana", "--url", "http://127.0.0.1:1/"], "not allowed with"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        send(*options)
