"""Under `conversion` a registration ends whatever another system has under the same key: never without being told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from tests.support.admin_pages import (
    AT_ZENVIA,
    KEY,
    LIST,
    add,
    apply,
    buttons,
    confirm,
    press,
    said,
    use_api,
    user_with,
)
from zenvia_webhooks.admin import verbs
from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.sandbox.registry import Registration

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = "https://other.example.com/hook?secret=1"


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        use_api(settings, sandbox.api_url, CONTRACT="conversion")
        yield sandbox


@pytest.fixture
def foreign(zenvia: Sandbox) -> Registration:
    return zenvia.add(["prospects", "quotes"], THEIRS, "conversion")


def row(status: str, *, url: str = "", **columns: Any) -> Subscription:
    row = Subscription(topics=["lead.created"], status=status, **columns)
    row.registered_url = url or row.callback_url
    row.save()
    return row


def confirm_page(response: Any) -> str:
    page = str(response.content.decode())
    assert "Cut it off and go on" in page
    return page


Action = Callable[[Client, int], Any]


def by_button(verb: str, **fields: Any) -> Action:
    return lambda client, pk: press(client, pk, verb, **fields)


def by_action(name: str, **fields: Any) -> Action:
    return lambda client, pk: client.post(LIST, {"action": name, "_selected_action": [pk], **fields}, follow=True)


def by_deleting(client: Client, pk: int) -> Any:
    return client.post(f"{LIST}{pk}/delete/", {"post": "yes"}, follow=True)


def by_every_line(client: Client, _pk: int) -> Any:
    for line in buttons(client):
        apply(client, line)
    apply(client, *buttons(client))


REGISTER_AGAIN = {"button": by_button("register-again"), "action": by_action("register_again_selected")}
CHANGES = {
    "topics": by_button("change-topics", topics=["quote.updated"]),
    "rotate": by_button("rotate", hours=0),
}
ENDS = {
    "deactivate": by_button("deactivate"),
    "deactivate selected": by_action("deactivate_selected", confirmed="yes"),
    "delete": by_deleting,
}


# That no step of any plan touches it, tests/subscriptions/test_plan.py holds; three ways of the admin's to get there.


@pytest.mark.parametrize("action", [by_button("register-again"), by_deleting, by_every_line])
def test_a_foreign_one_survives_whatever_is_done(
    admin_client: Client, zenvia: Sandbox, foreign: Registration, action: Action
) -> None:
    subject = row("missing", remote_id=foreign.id, absent_since=now() - timedelta(hours=1))
    action(admin_client, subject.pk)
    assert foreign in zenvia.subscriptions
    assert {request.method for request in zenvia.requests} <= {"GET"}


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_adding_asks_first_and_goes_on_when_told(
    admin_client: Client,
    zenvia: Sandbox,
    foreign: Registration,
    atomic_requests: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    asking = add(admin_client, topics=["lead.created", "quote.updated"])
    page = confirm_page(asking)
    assert "<strong>other.example.com</strong>" in page
    assert "secret" not in page
    assert KEY not in page
    assert zenvia.subscriptions == [foreign]
    # Whoever walks away leaves nothing behind.
    assert not Subscription.objects.exists()

    done = confirm(admin_client, asking)
    subject = Subscription.objects.get()
    assert [(one.callback_url, one.topics) for one in zenvia.subscriptions] == [
        (subject.callback_url, ("prospects", "quotes"))
    ]
    assert (subject.status, subject.last_error, said(done)[0][0]) == ("active", "", "success")


@pytest.mark.parametrize("action", [*REGISTER_AGAIN.items(), *CHANGES.items()], ids=lambda pair: pair[0])
def test_a_change_goes_on_when_told(
    admin_client: Client, zenvia: Sandbox, foreign: Registration, action: tuple[str, Action]
) -> None:
    name, do = action
    subject = row("active" if name in CHANGES else "failed", remote_id="old")
    before = subject.token
    asking = do(admin_client, subject.pk)
    assert "other.example.com" in confirm_page(asking)
    subject.refresh_from_db()
    assert (subject.token, subject.topics, subject.last_error) == (before, ["lead.created"], "")
    confirm(admin_client, asking)
    subject.refresh_from_db()
    (there,) = zenvia.subscriptions
    assert (there.id, there.callback_url) == (subject.remote_id, subject.callback_url)
    assert (subject.status, subject.last_error) == ("active", "")
    assert (subject.token != before) == (name == "rotate")
    assert subject.topics == (["quote.updated"] if name == "topics" else ["lead.created"])


def test_a_line_of_the_comparison_goes_on_when_told(
    admin_client: Client, zenvia: Sandbox, foreign: Registration
) -> None:
    subject = row("missing", remote_id="old", absent_since=now() - timedelta(hours=1))
    (line,) = buttons(admin_client)
    asking = apply(admin_client, line)
    assert "other.example.com" in confirm_page(asking)
    assert zenvia.subscriptions == [foreign]
    confirm(admin_client, asking)
    subject.refresh_from_db()
    assert [one.id for one in zenvia.subscriptions] == [subject.remote_id]


def test_only_whom_the_page_named_is_cut_off(admin_client: Client, zenvia: Sandbox, foreign: Registration) -> None:
    subject = row("failed")
    asking = press(admin_client, subject.pk, "register-again")
    zenvia.remove(foreign.id)
    newcomer = zenvia.add(["prospects"], "https://third.example.com/hook", "conversion")
    asked_anew = confirm(admin_client, asking)
    assert "third.example.com" in confirm_page(asked_anew)
    assert zenvia.subscriptions == [newcomer]
    confirm(admin_client, asked_anew)
    subject.refresh_from_db()
    assert [one.id for one in zenvia.subscriptions] == [subject.remote_id]


def test_several_at_once_are_asked_about_on_one_page(
    admin_client: Client, zenvia: Sandbox, foreign: Registration
) -> None:
    rows = [row("failed"), row("inactive")]
    fields = {"action": "register_again_selected", "_selected_action": [subject.pk for subject in rows]}
    asking = admin_client.post(LIST, fields, follow=True)
    assert confirm_page(asking).count("<strong>other.example.com</strong>") == 1
    assert zenvia.subscriptions == [foreign]
    # Zenvia has one for each key: the second is told so.
    assert [level for level, _ in said(confirm(admin_client, asking))] == ["success", "error"]
    assert [one.callback_url for one in zenvia.subscriptions] == [rows[0].registered_url]


def test_who_comes_after_the_page_is_not_cut_off(
    admin_client: Client, zenvia: Sandbox, foreign: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call looks once more: an id that nobody approved of is refused."""
    subject = row("failed")
    monkeypatch.setattr(verbs, "question", lambda *_args: None)
    ((level, text),) = said(press(admin_client, subject.pk, "register-again"))
    assert (level, "other.example.com" in text) == ("error", True)
    assert zenvia.subscriptions == [foreign]


def test_a_copied_row_takes_over_when_told(admin_client: Client, zenvia: Sandbox) -> None:
    theirs = callback_url(new_token()).replace("crm.example.com", "production.example.com")
    remote = zenvia.add(["prospects"], theirs, "conversion")
    subject = row("active", url=theirs, remote_id=remote.id)
    page = admin_client.get(f"{LIST}{subject.pk}/change/").content.decode()
    assert "registered for another site" in page
    assert "Registered for production.example.com" in page
    assert "Rotate" not in page
    assert "production.example.com" in admin_client.get(AT_ZENVIA).content.decode()
    asking = press(admin_client, subject.pk, "register-again")
    assert "production.example.com" in confirm_page(asking)
    assert [one.callback_url for one in zenvia.subscriptions] == [theirs]
    confirm(admin_client, asking)
    subject.refresh_from_db()
    assert [one.callback_url for one in zenvia.subscriptions] == [subject.callback_url]


@pytest.mark.parametrize("end", ENDS)
def test_a_copied_row_takes_over_from_nobody_unnamed(
    admin_client: Client, zenvia: Sandbox, foreign: Registration, end: str
) -> None:
    theirs = callback_url(new_token()).replace("crm.example.com", "production.example.com")
    subject = row("active", url=theirs, remote_id="old")
    asking = press(admin_client, subject.pk, "register-again")
    page = confirm_page(asking)
    assert ("production.example.com" in page, "other.example.com" in page) == (True, True)
    # After "Deactivate here", what production has is no less a foreign's.
    zenvia.remove(foreign.id)
    remote = zenvia.add(["prospects"], theirs, "conversion")
    ENDS[end](admin_client, subject.pk)
    by_every_line(admin_client, subject.pk)
    if end != "delete":
        assert "production.example.com" in confirm_page(press(admin_client, subject.pk, "register-again"))
    assert zenvia.subscriptions == [remote]


@pytest.mark.parametrize("end", ENDS)
def test_a_copied_row_ends_here_alone(admin_client: Client, zenvia: Sandbox, end: str) -> None:
    theirs = callback_url(new_token()).replace("crm.example.com", "production.example.com")
    remote = zenvia.add(["prospects"], theirs, "conversion")
    subject = row("active", url=theirs, remote_id=remote.id)
    ((level, text),) = said(ENDS[end](admin_client, subject.pk))
    assert (level, "left alone" in text) == ("warning", True)
    assert zenvia.subscriptions == [remote]
    assert not Subscription.objects.filter(status="active").exists()


def test_the_page_that_asks_is_protected(
    client: Client, admin_user: User, zenvia: Sandbox, foreign: Registration
) -> None:
    client.force_login(admin_user)
    subject = row("failed")
    path = f"{LIST}{subject.pk}/do/register-again/"
    assert foreign.id in confirm_page(press(client, subject.pk, "register-again"))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(path, {"approved": foreign.id}).status_code == 403
    client.force_login(user_with("view_subscription"))
    assert client.post(path, {"approved": foreign.id}).status_code == 403
    assert zenvia.subscriptions == [foreign]
