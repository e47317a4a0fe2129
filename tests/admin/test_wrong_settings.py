"""Pages of the admin on a site whose settings can't be read: that is when somebody opens them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.factories import make_event, make_subscription

pytestmark = pytest.mark.django_db

ADMIN = "/admin/zenvia_webhooks/"
PAGES = (
    "",
    "event/",
    "event/?q=%2B5511988880001",
    "event/?account=default&topic=lead.created",
    "event/{event}/change/",
    "event/replay/?ids={event}",
    "subscription/",
    "subscription/add/",
    "subscription/at-zenvia/",
    "subscription/{subscription}/change/",
    "subscription/{subscription}/delete/",
    "subscription/{subscription}/test-event/",
    "subscription/{subscription}/do/change-topics/",
    "subscription/{subscription}/do/rotate/",
    "subscription/{subscription}/do/deactivate/",
)
READ_BY_PAGES = ("CALLBACK_BASE_URL", "PHONE_REGIONS", "QUIET_HOURS", "MAX_BYTES_PER_DAY", "RETRY_DELAYS", "DIGEST_KEY")
WRONG: tuple[Any, ...] = (
    5,
    {"ACCOUNTS": 5},
    {"ACCOUNTS": {5: {}, "default": 5, "second": {"CONTRACT": "no such"}}},
    {key: object() for key in READ_BY_PAGES},
)


@pytest.mark.parametrize("wrong", WRONG, ids=["all", "no accounts", "an account", "the others"])
def test_every_page_opens(admin_client: Client, settings: Any, wrong: Any) -> None:
    event, subscription = make_event(), make_subscription()
    settings.ZENVIA_WEBHOOKS = wrong
    for page in PAGES:
        path = ADMIN + page.format(event=event.pk, subscription=subscription.pk)
        assert admin_client.get(path, follow=True).status_code == 200, path
