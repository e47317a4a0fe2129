"""Who sees what of setting up on the app's page in the admin, and until when."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from tests.support import receivers
from tests.support.admin_pages import user_with
from tests.support.factories import make_event, make_subscription
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, Subscription, TaskRun
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

PAGE = "/admin/zenvia_webhooks/"
PARTS = {
    "lines": 'id="zenvia-set-up"',
    "verdict": "zenvia-verdict",
    "add": f'{PAGE}subscription/add/">Add subscription',
    "send": "/test-event/",
    "set up": f'href="{PAGE}subscription/set-up/"',
}


def seen(client: Client, *permissions: str) -> set[str]:
    client.force_login(user_with(*permissions, name="_".join(permissions)))
    page = client.get(PAGE).content.decode()
    return {name for name, part in PARTS.items() if part in page}


def test_where_nothing_is_set_up_it_stands_alone(client: Client) -> None:
    assert seen(client, "add_subscription", "change_subscription") == {"lines", "add", "set up"}
    assert "Not tried yet." in client.get(PAGE).content.decode()
    assert seen(client, "view_subscription") == {"lines", "set up"}
    assert seen(client, "view_event") == {"verdict"}


def test_a_site_without_a_settings_module_is_told_what_to_paste_too(client: Client) -> None:
    # As after `settings.configure()`.
    with override_settings(ZENVIA_WEBHOOKS={}):
        assert seen(client, "view_subscription") == {"lines", "set up"}
        assert "In mysite/settings.py, with the key" in client.get(PAGE).content.decode()


def test_before_migrate_it_says_so(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (Delivery, Event, Subscription, TaskRun):
        monkeypatch.setattr(model._meta, "db_table", "not_there_yet")
    MigrationRecorder(connection).migration_qs.filter(app="zenvia_webhooks").delete()
    page = admin_client.get(f"{PAGE}subscription/set-up/").content.decode()
    assert "Migrations are not applied: 0001_initial." in page
    assert "python manage.py migrate" in page


def test_a_subscription_can_be_tested_by_whoever_may_change_or_add_one(client: Client) -> None:
    make_subscription()
    assert seen(client, "view_subscription", "change_subscription") == {"lines", "verdict", "send", "set up"}
    assert "send" in seen(client, "add_subscription")
    assert "send" not in seen(client, "view_subscription")
    assert "send" not in seen(client, "view_event", "view_payload", "replay_event")


def test_it_gives_way_once_a_receiver_has_succeeded_and_stays_reachable(client: Client) -> None:
    lead_created.connect(receivers.broken)
    make_event()
    dispatch_due()
    assert {"lines", "verdict"} <= seen(client, "view_event", "change_subscription")

    lead_created.connect(receivers.note)
    make_event()
    dispatch_due()
    Event.objects.update(received_at="2020-01-01T00:00Z")
    assert seen(client, "view_event", "view_subscription", "change_subscription") == {"verdict", "send", "set up"}
    assert seen(client, "view_event", "view_subscription") == {"verdict", "set up"}
    assert seen(client, "view_event") == {"verdict"}


def test_what_it_costs_does_not_grow(admin_client: Client) -> None:
    make_event()
    with CaptureQueriesContext(connection) as few:
        assert 'id="zenvia-set-up"' in admin_client.get(PAGE).content.decode()
    for _ in range(5):
        make_event()
    make_subscription(topics=["quote.updated"])
    with CaptureQueriesContext(connection) as many:
        admin_client.get(PAGE)
    assert len(many) == len(few)
