"""The admin's pages of subscriptions, as a browser uses them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support.account import KEY as KEY
from tests.support.account import make_account

LIST = "/admin/zenvia_webhooks/subscription/"
ADD = f"{LIST}add/"
AT_ZENVIA = f"{LIST}at-zenvia/"


def use_api(settings: Any, url: str, **account: Any) -> None:
    account = make_account(**{"API_URL": url, "TIMEOUT": 2, **account})
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": {"default": account}}


def hidden(client: Client, path: str, name: str) -> str:
    """Open a page and return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]+)"', client.get(path, follow=True).content.decode())
    assert found is not None
    return unescape(found[1])


def add(client: Client, **fields: Any) -> Any:
    """Open the form, send it as a browser would, and follow to where it leads."""
    data = {"account": "default", "topics": ["lead.created"], "drawn": hidden(client, ADD, "drawn")} | fields
    return client.post(ADD, data, follow=True)


def press(client: Client, pk: int, verb: str, **fields: Any) -> Any:
    """Do what a button of a subscription's page says, by way of its form where it has one."""
    path = f"{LIST}{pk}/do/{verb}/"
    if verb == "change-topics":
        fields["offer"] = hidden(client, path, "offer")
    return client.post(path, fields, follow=True)


def confirm(client: Client, asking: Any) -> Any:
    """Press the button of the page that asks."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asking.content.decode()):
        fields.setdefault(name, []).append(unescape(value))
    return client.post(asking.request["PATH_INFO"], fields, follow=True)


def buttons(client: Client) -> list[str]:
    """Return what the buttons of "Registered at Zenvia" send."""
    page = client.get(AT_ZENVIA).content.decode()
    return [unescape(value) for value in re.findall(r'<button class="button" name="line" value="([^"]+)"', page)]


def apply(client: Client, *lines: str) -> Any:
    path = f"{AT_ZENVIA}apply/"
    return client.post(path, {"account": "default", "line": lines}, follow=True)


def said(response: Any) -> list[tuple[str, str]]:
    return [(message.level_tag, str(message)) for message in response.context["messages"]]


def user_with(*permissions: str, name: str = "clerk") -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user
