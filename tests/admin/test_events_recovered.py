"""What an event's page says of how it came."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.webhooks import arrived
from zenvia_webhooks.models import Event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"origin": "recovered"}, "Recovered: its webhook never came."),
        ({"same_as": 4711}, "Receivers had #4711 in its place"),
        ({"origin": "recovered", "same_as": 4711}, "Receivers had #4711 in its place"),
    ],
)
def test_the_page_says_how_it_came(admin_client: Client, columns: dict[str, Any], said: str) -> None:
    event = arrived()
    address = f"/admin/zenvia_webhooks/event/{event.pk}/change/"
    assert said not in admin_client.get(address).content.decode()
    Event.objects.filter(pk=event.pk).update(**columns)
    assert said in admin_client.get(address).content.decode()


def test_one_that_stands_for_itself_is_the_same_as_none(admin_client: Client) -> None:
    event = arrived()
    Event.objects.update(same_as=event.pk, origin="recovered")
    page = admin_client.get(f"/admin/zenvia_webhooks/event/{event.pk}/change/").content.decode()
    assert "Recovered: its webhook never came." in page
    assert "in its place" not in page
