"""What a database quotes of a row that it refuses is neither stored with the delivery nor logged."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

EMAIL = "o'ana@example.com"


def makes_a_user_twice(sender: Any, event: Event, **kwargs: Any) -> None:
    assert event.lead is not None
    for _turn in range(2):
        User.objects.create(username=event.lead.email or "")


def says_it_in_words_of_its_own(sender: Any, event: Event, **kwargs: Any) -> None:
    try:
        makes_a_user_twice(sender, event)
    except IntegrityError as error:
        raise RuntimeError("no such luck") from error


@pytest.mark.parametrize("receiver", [makes_a_user_twice, says_it_in_words_of_its_own])
def test_a_row_that_is_refused_is_not_quoted(receiver: Any, caplog: pytest.LogCaptureFixture) -> None:
    lead_created.connect(receiver)
    event = arrived(email=EMAIL)
    dispatch_due()
    error = event.deliveries.get().error
    assert "unique" in error.lower() or "Duplicate" in error or error == "RuntimeError: no such luck"
    assert "IntegrityError" in caplog.text
    assert EMAIL not in error + caplog.text
    assert "example.com" not in error + caplog.text
