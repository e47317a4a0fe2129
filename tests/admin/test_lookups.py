"""What a list of the admin can be filtered by through its address."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client

from tests.support.admin_pages import user_with
from tests.support.factories import make_event
from zenvia_webhooks.models import Event, Subscription

pytestmark = pytest.mark.django_db

#: Model → what its list offers as filters: what an index finds, or what is looked for among the newest.
OFFERED: dict[type[Model], set[str]] = {
    Event: {"status", "topic", "account", "received_at__gte", "received_at__lt", "subscription"},
    Subscription: {"status__exact"},
}
KINDS = ("", "__exact", "__startswith", "__regex", "__gte", "__lt", "__in", "__isnull", "__contains")


def lookups(model: type[Model]) -> list[str]:
    """Return each field, and each field that a relation leads to, with each kind of look-up."""
    paths = []
    for field in model._meta.get_fields():
        paths.append(field.name)
        if field.related_model and isinstance(field.related_model, type):
            paths += [f"{field.name}__{further.name}" for further in field.related_model._meta.get_fields()]
    return [path + kind for path in paths for kind in KINDS]


@pytest.mark.parametrize("model", OFFERED)
def test_nothing_but_what_is_offered_is_looked_up(model: type[Model], rf: Any) -> None:
    model_admin = admin.site.get_model_admin(model)
    taken = {lookup for lookup in lookups(model) if model_admin.lookup_allowed(lookup, "a", rf.get("/"))}
    assert taken == OFFERED[model]


@pytest.mark.parametrize("query", ["token__startswith=", "previous_token__startswith=", "events__account="])
def test_a_token_is_not_told_letter_by_letter(client: Client, subscription: Subscription, query: str) -> None:
    client.force_login(user_with("view_subscription"))
    answers = [
        client.get(f"/admin/zenvia_webhooks/subscription/?{query}{start}").status_code
        for start in (subscription.token[:3], "no such")
    ]
    assert answers == [400, 400]
    assert client.get("/admin/zenvia_webhooks/subscription/?status__exact=active").status_code == 200


def test_an_event_is_not_found_by_the_token_of_its_subscription(client: Client, subscription: Subscription) -> None:
    client.force_login(user_with("view_event"))
    query = f"subscription__token__startswith={subscription.token[:3]}"
    assert client.get(f"/admin/zenvia_webhooks/event/?{query}").status_code == 400
    assert client.get("/admin/zenvia_webhooks/event/?received_at__gte=2026-01-01T00:00Z").status_code == 200


@pytest.mark.parametrize("permission", ["view_subscription", "view_event"])
def test_no_other_door_leads_to_a_row_by_a_secret(client: Client, subscription: Subscription, permission: str) -> None:
    """The admin's own parameters: what a row is found by, the windows that pop up, the lists of select boxes."""
    event = make_event(subscription=subscription)
    client.force_login(user_with(permission))
    row, model = (subscription, Subscription) if permission == "view_subscription" else (event, Event)
    name = model.__name__.lower()
    address = f"/admin/zenvia_webhooks/{name}/"
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    for field in fields:
        query = {"_to_field": field.name, "_popup": "1"}
        assert client.get(address, query).status_code == 400, field.name
        value = quote(str(field.value_from_object(row)))
        assert client.get(f"{address}{value}/change/", query).status_code in (302, 400), field.name
        autocomplete = {"app_label": "zenvia_webhooks", "model_name": name, "field_name": field.name}
        assert client.get("/admin/autocomplete/", {**autocomplete, "term": "a"}).status_code in (403, 404), field.name
    assert client.get(address, {"_popup": "1", "_to_field": "id"}).status_code == 200
    shown = client.get(f"{address}{row.pk}/change/", {"_popup": "1"})
    assert shown.status_code == 200
    assert subscription.token not in shown.content.decode()
