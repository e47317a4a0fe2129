"""After a switch of CONTRACT: what was registered by the former API is found and removed there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.rows import row, stored, to_do
from tests.support.wire import Asked, Wire, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db

OTHER = {"help_center": "conversion", "conversion": "help_center"}


@pytest.fixture(params=OTHER)
def made(sandbox: Sandbox, account: dict[str, Any], request: pytest.FixtureRequest) -> Subscription:
    """Return a row that is registered with the contract that was the account's until now."""
    account["CONTRACT"] = request.param
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    assert (made.status, made.contract) == ("active", request.param)
    account["CONTRACT"] = OTHER[request.param]
    return made


def test_it_is_found_there(made: Subscription) -> None:
    assert to_do() == []
    assert subscriptions.compare_all() == 0
    assert stored(made)[0] == "active"


@pytest.mark.parametrize("remove", [subscriptions.deactivate, subscriptions.delete])
def test_it_is_removed_there(sandbox: Sandbox, made: Subscription, remove: Callable[[Subscription], str]) -> None:
    assert remove(made) == ""

    assert sandbox.subscriptions == []


def test_it_is_changed_there(sandbox: Sandbox, made: Subscription) -> None:
    subscriptions.rotate(made)

    assert stored(made)[0] == "active"
    assert [one.callback_url for one in sandbox.subscriptions] == [made.registered_url]


def test_registered_again_it_is_with_the_contract_of_today(
    sandbox: Sandbox, account: dict[str, Any], made: Subscription
) -> None:
    subscriptions.deactivate(made)

    subscriptions.register_again(made)

    assert (stored(made)[0], made.contract) == ("active", account["CONTRACT"])
    assert len(sandbox.subscriptions) == 1
    assert to_do() == []


def test_an_adopted_one_knows_its_contract(sandbox: Sandbox, made: Subscription) -> None:
    subscriptions.add("default", ["quote.updated"])
    Subscription.objects.filter(pk=made.pk).update(token="a" * 64, registered_url="https://crm.example.com/x/")
    step = next(step for step in to_do() if step.action == "adopt")

    subscriptions.reconcile("default", only=step)

    assert Subscription.objects.get(remote_id=made.remote_id, token=made.token).contract == made.contract


@pytest.mark.parametrize("remove", [subscriptions.deactivate, subscriptions.delete])
@pytest.mark.parametrize("status", [401, 404, 503])
def test_where_the_former_api_cant_be_asked_nothing_is_said_to_be_removed(
    wire: Wire, account: dict[str, Any], remove: Callable[[Subscription], str], status: int
) -> None:
    account["CONTRACT"] = "conversion"
    made = subscriptions.add("default", ["lead.created"])
    columns = {"contract": "help_center", "status": "active", "remote_id": "1", "last_synced_at": now()}
    Subscription.objects.filter(pk=made.pk).update(**columns)
    made.refresh_from_db()

    def answers(asked: Asked) -> Any:
        is_former = "api-key" not in asked.path
        return says(status, {"message": "no"})(asked) if is_former else says(200, [])(asked)

    wire.script("GET", answers)

    with pytest.raises(subscriptions.StillRegisteredError, match=f"nothing was changed here: .* {status}"):
        remove(made)

    made.refresh_from_db()
    assert (made.status, made.wish) == ("active", "registered")


def test_what_the_former_api_no_longer_lists_is_registered_again_with_the_contract_of_today(
    sandbox: Sandbox, account: dict[str, Any]
) -> None:
    account["CONTRACT"] = "conversion"
    made = row(Subscription.Status.ACTIVE, "1", absent=3600)
    Subscription.objects.update(contract="help_center")
    theirs = sandbox.add(["prospects"], "https://other.example.com/hook", "conversion")
    [step] = to_do()
    assert (step.kind, step.action) == ("missing", "register")

    with pytest.raises(subscriptions.WouldReplaceError, match=r"other\.example\.com"):
        subscriptions.reconcile("default", only=step)
    [step] = to_do()
    subscriptions.reconcile("default", only=step, approved=[theirs.id])

    made.refresh_from_db()
    assert (made.status, made.contract) == ("active", "conversion")
    assert [one.id for one in sandbox.subscriptions] == [made.remote_id]
