"""An event's page, whatever has become of the objects that its receivers returned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import strip_tags

from tests.shop.models import Customer, Order
from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks import signals
from zenvia_webhooks.admin.display import object_link
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.models import Delivery

pytestmark = pytest.mark.django_db


#: What a host's code raises that is no `Exception`.
class Exit(BaseException):
    pass


def raises(error: BaseException) -> Callable[..., Any]:
    def function(*_args: object, **_kwargs: object) -> Any:
        raise error

    return function


#: What happened since: its name → what is patched of `Customer`, or what the delivery's row says by now.
SINCE: dict[str, tuple[str, Any]] = {
    "key is a UUID now": ("result", "shop.order:7"),
    "model is gone": ("result", "shop.invoice:7"),
    "app is gone": ("result", "no_such_app.invoice:7"),
    "no label": ("result", "nonsense"),
    "no key": ("result", "shop.customer:"),
    "table is gone": ("_meta.db_table", "no_such_table"),
    "loading raises": ("from_db", raises(RuntimeError("a field of ours can't be decrypted"))),
    "printing raises": ("__str__", raises(AttributeError("it has no name"))),
    "printing is no text": ("__str__", lambda customer: None),
    "printing raises what is no Exception": ("__str__", raises(Exit())),
}


@pytest.fixture
def _no_columns_remembered() -> Iterator[None]:
    """Fields remember their table's name in SQL: the name of one that is gone must not outlive its test."""
    yield
    for field in Customer._meta.fields:
        field.__dict__.pop("cached_col", None)


@pytest.mark.parametrize("since", SINCE)
@pytest.mark.usefixtures("_no_columns_remembered")
def test_page_is_shown(admin_client: Client, monkeypatch: pytest.MonkeyPatch, since: str) -> None:
    signals.lead_created.connect(receivers.create_customer)
    event = arrived(name="João")
    dispatcher.dispatch_due()
    name, value = SINCE[since]
    if name == "result":
        Delivery.objects.update(result=value)
    else:
        # On the class, or on what it holds.
        monkeypatch.setattr(f"tests.shop.models.Customer.{name}", value)
    text = Delivery.objects.get().result
    page = admin_client.get(f"/admin/zenvia_webhooks/event/{event.pk}/change/")
    assert page.status_code == 200
    [cell] = re.findall(r'<span class="zenvia-result">(.*?)</span>', page.content.decode(), re.DOTALL)
    assert strip_tags(cell).strip() == text
    assert "<a " not in cell
    assert admin_client.get(f"/admin/zenvia_webhooks/event/replay/?ids={event.pk}").status_code == 200


def test_object_that_is_there_is_printed(admin_client: Client) -> None:
    order = Order.objects.create()
    event = arrived()
    Delivery.objects.create(event=event, receiver="a.receiver", result=f"shop.order:{order.pk}")
    assert str(order) in admin_client.get(f"/admin/zenvia_webhooks/event/{event.pk}/change/").content.decode()


def test_key_that_a_path_can_not_hold_is_quoted() -> None:
    assert "/admin/auth/user/a_2Fdelete/change/" in object_link(User(pk="a/delete", username="a"), "admin")
