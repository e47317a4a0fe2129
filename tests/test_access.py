"""Who gets in where: every URL of ours, by every method, for nobody, staff, each permission alone, a superuser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.contrib.messages.storage.base import BaseStorage
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import RequestFactory
from django.urls import NoReverseMatch, URLResolver, get_resolver, resolve, reverse

from tests.support.webhooks import arrived
from zenvia_webhooks.admin.setup import page
from zenvia_webhooks.models import Event

pytestmark = pytest.mark.django_db

READING, METHODS = ("GET", "HEAD", "OPTIONS"), ("GET", "HEAD", "OPTIONS", "POST")

ADMIN_EVENTS = {"view_event", "change_event", "replay_event"}
EVENTS = {"view_event", "change_event"}
SUBSCRIPTIONS = {"view_subscription", "change_subscription"}
DELIVERIES = {"view_delivery", "change_delivery"}
#: Of a test event, which has receivers run, and of the page that tries everything.
SENDING = {"add_subscription", "change_subscription"}
SETTING_UP = {*SUBSCRIPTIONS, *SENDING}
NOBODY: set[str] = set()

#: URL → which permissions alone let somebody in who reads, and who posts; a superuser gets in where anybody does.
ADMIN = {
    "event_changelist": (ADMIN_EVENTS, ADMIN_EVENTS),
    "event_history": (ADMIN_EVENTS, ADMIN_EVENTS),
    "event_change": (ADMIN_EVENTS, NOBODY),
    "event_add": (NOBODY, NOBODY),
    "event_delete": (NOBODY, NOBODY),
    "event_replay": ({"replay_event"}, {"replay_event"}),
    "event_replay_progress": ({"replay_event"}, {"replay_event"}),
    "event_replay_stop": (NOBODY, {"replay_event"}),
    "event_dismiss": (NOBODY, {"replay_event"}),
    "subscription_changelist": (SUBSCRIPTIONS, SUBSCRIPTIONS),
    "subscription_history": (SUBSCRIPTIONS, SUBSCRIPTIONS),
    "subscription_change": (SUBSCRIPTIONS, NOBODY),
    "subscription_add": ({"add_subscription"}, {"add_subscription"}),
    "subscription_delete": ({"delete_subscription"}, {"delete_subscription"}),
    "subscription_at_zenvia": (SUBSCRIPTIONS, SUBSCRIPTIONS),
    "subscription_set_up": (SETTING_UP, SETTING_UP),
    "subscription_test_event": (SENDING, SENDING),
    "subscription_apply": (NOBODY, {"change_subscription"}),
    "subscription_verb": (NOBODY, {"change_subscription"}),
}
API = {
    "subscription-list": (SUBSCRIPTIONS, NOBODY),
    "subscription-detail": (SUBSCRIPTIONS, NOBODY),
    "event-list": (EVENTS, NOBODY),
    "event-detail": (EVENTS, NOBODY),
    "event-replay": (NOBODY, {"replay_event"}),
    "delivery-list": (DELIVERIES, NOBODY),
    "schema": (EVENTS | SUBSCRIPTIONS | DELIVERIES, NOBODY),
}
TABLE = {
    **{f"admin:zenvia_webhooks_{name}": row for name, row in ADMIN.items()},
    **{f"zenvia_webhooks_api:{name}": row for name, row in API.items()},
}
#: The token in its path lets in, whoever sends it.
FOR_ZENVIA = "zenvia_webhooks:webhook"
#: DRF says to whoever may use a URL what it takes.
OPTIONS_OF_REPLAY = ("zenvia_webhooks_api:event-replay", "OPTIONS")


def names(resolver: Any, namespaces: tuple[str, ...] = ()) -> Iterator[str]:
    """Return the name of each URL of ours, the admin's included."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern, (*namespaces, pattern.namespace) if pattern.namespace else namespaces)
        elif pattern.name and "zenvia" in (name := ":".join((*namespaces, pattern.name))):
            yield name


def path_of(name: str, event: Event) -> str:
    pk = event.subscription_id if "subscription" in name else event.pk
    for arguments in ([], [pk], [pk, "manual"], [pk, 1]):
        with suppress(NoReverseMatch):
            return reverse(name, args=arguments)
    raise AssertionError(name)


class Messages(BaseStorage):
    def _get(self, *_args: Any, **_kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        return []


def gets_in(user: Any, method: str, path: str) -> bool:
    """Ask the view itself, as no page need be drawn."""
    request: Any = RequestFactory().generic(method, path, content_type="application/json")
    request.user, request.session, request._dont_enforce_csrf_checks = user, {}, True
    request._messages = Messages(request)
    match = resolve(path)
    try:
        response = match.func(request, *match.args, **match.kwargs)
    except PermissionDenied:
        return False
    except Http404:
        return True
    return response.status_code not in (401, 403, 405) and "/login/" not in response.headers.get("Location", "")


def people(permissions: Sequence[Permission]) -> Iterator[tuple[str, Any]]:
    yield "nobody", AnonymousUser()
    yield "staff", User.objects.create_user("staff", is_staff=True)
    for permission in permissions:
        user: Any = User.objects.create_user(permission.codename, is_staff=True)
        # What asking the database for them would leave there.
        user._user_perm_cache = user._perm_cache = {f"zenvia_webhooks.{permission.codename}"}
        yield permission.codename, user
    yield "superuser", User.objects.create_superuser("superuser")


def test_everybody_gets_in_where_they_may_and_nowhere_else(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # It calls whoever there is, for seconds: here only who may have it called counts.
    monkeypatch.setattr(page, "diagnose", lambda _areas: iter(()))
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": {}}
    event = arrived()
    paths = {name: path_of(name, event) for name in TABLE}
    allowed = {
        (name, method): TABLE[name][method == "POST"] | (TABLE[name][method == "POST"] and {"superuser"})
        for name in TABLE
        for method in METHODS
    }
    allowed[OPTIONS_OF_REPLAY] = {"replay_event", "superuser"}
    permissions = list(Permission.objects.filter(content_type__app_label="zenvia_webhooks"))
    found: dict[tuple[str, str], set[str]] = {key: set() for key in allowed}
    for who, user in people(permissions):
        for name, method in found:
            if gets_in(user, method, paths[name]):
                found[name, method].add(who)
    assert {"view_payload", "replay_event", "erase_person"} < {permission.codename for permission in permissions}
    assert found == allowed


def test_no_url_is_left_out() -> None:
    assert set(names(get_resolver())) == {*TABLE, FOR_ZENVIA}
