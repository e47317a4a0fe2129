"""Two people who have the form open at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client

from tests.support.admin_pages import ADD, KEY, hidden, use_api
from zenvia_webhooks.models import Subscription, TaskRun
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.subscriptions.adding import ADDING

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        use_api(settings, sandbox.api_url)
        yield sandbox


@pytest.mark.parametrize("atomic_requests", [False, True])
@pytest.mark.parametrize("is_first_ever", [True, False])
def test_forms_that_were_opened_before_either_was_sent_register_a_topic_once(
    admin_user: User, zenvia: Sandbox, atomic_requests: bool, is_first_ever: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    if is_first_ever:
        TaskRun.objects.filter(task=ADDING).delete()
    clients = [Client() for _ in range(4)]
    for client in clients:
        client.force_login(admin_user)
    forms = [hidden(client, ADD, "drawn") for client in clients]
    start, pages = threading.Barrier(len(clients)), list[str]()

    def send(client: Client, drawn: str) -> None:
        data = {"account": "default", "topics": ["lead.created", "quote.updated"], "drawn": drawn}
        start.wait()
        try:
            pages.append(client.post(ADD, data, follow=True).content.decode())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=pair) for pair in zip(clients, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(row.topics[0] for row in Subscription.objects.all()) == ["lead.created", "quote.updated"]
    assert len(zenvia.subscriptions) == 2
    assert sum("has a subscription already" in page for page in pages) == 3
