"""The plan, as pure values: whatever our rows say, what is foreign is nothing that any step may touch unasked."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import CONTRACTS, get_contract
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions.calls import refuse_to_cut_off
from zenvia_webhooks.subscriptions.errors import SubscriptionError, WouldReplaceError
from zenvia_webhooks.subscriptions.listed import Listed, cut_off_by
from zenvia_webhooks.subscriptions.plan import Action, Step, plan

Status = Subscription.Status
Wish = Subscription.Wish

NOW = now()
THEIRS = RemoteSubscription(
    id="theirs", topics=("lead.created",), callback_url="https://user:secret@crm.of-somebody.example/hook?secret=1"
)

pytestmark = pytest.mark.usefixtures("account")


def row(pk: int = 1, *, status: str = Status.ACTIVE, absent: int | None = 3600, **columns: Any) -> Subscription:
    """Return a row, in memory alone, that was first seen absent so many seconds ago."""
    made = Subscription(pk=pk, topics=["lead.created"], status=status, updated_at=NOW - timedelta(hours=1), **columns)
    made.absent_since = None if absent is None else NOW - timedelta(seconds=absent)
    made.registered_url = made.registered_url or made.callback_url
    return made


def judge(
    rows: list[Subscription],
    *remotes: RemoteSubscription,
    contract: str = "help_center",
    at: datetime = NOW,
    unsent: Subscription | None = None,
) -> list[Step]:
    return plan(rows, Listed(account=conf.account("default"), remotes={contract: remotes}), at, unsent=unsent)


def of(made: Subscription, remote_id: str = "ours") -> RemoteSubscription:
    return RemoteSubscription(id=remote_id, topics=tuple(made.topics), callback_url=made.registered_url)


@pytest.fixture(params=CONTRACTS)
def contract(request: pytest.FixtureRequest, account: dict[str, Any]) -> str:
    account["CONTRACT"] = request.param
    return str(request.param)


STATES = list(itertools.product(Status, Wish, (None, 5, 3600), (False, True)))


@pytest.mark.parametrize(("status", "wish", "absent", "is_unsent"), STATES)
def test_no_step_touches_what_is_foreign_unless_it_names_it(
    contract: str, status: Status, wish: Wish, absent: int | None, is_unsent: bool
) -> None:
    # Even under the id that we remember.
    made = row(status=status, wish=wish, absent=absent, remote_id=THEIRS.id)

    steps = judge([made], THEIRS, contract=contract, unsent=made if is_unsent else None)

    [theirs] = [step for step in steps if step.remote is THEIRS]
    assert (theirs.kind, theirs.action, theirs.subscription) == ("foreign", Action.KEEP, None)
    assert "secret" not in "".join(f"{step.name} {step.reason}" for step in steps)
    for step in steps:
        if step.action == Action.REGISTER and get_contract(contract).REPLACES:
            assert step.cut_off.foreign == (THEIRS,)
            with pytest.raises(WouldReplaceError, match=r"crm\.of-somebody\.example"):
                refuse_to_cut_off(step.cut_off, approved=())
            refuse_to_cut_off(step.cut_off, approved=[THEIRS.id])
        else:
            assert step.action not in (Action.REMOVE, Action.ADOPT)
            assert step.cut_off.foreign == ()


@pytest.mark.parametrize(("status", "absent"), list(itertools.product(Status, (None, 5, 3600))))
@pytest.mark.parametrize("is_listed", [True, False])
def test_what_a_foreign_row_stands_for_is_kept(
    contract: str, status: Status, absent: int | None, is_listed: bool
) -> None:
    made = row(status=status, absent=absent, remote_id="ours", registered_url="https://production.example.com/x/")
    there = [of(made)] * is_listed

    steps = judge([made], *there, contract=contract)

    assert not any(step.changes_zenvia or step.action == Action.ADOPT for step in steps)
    if made.is_foreign:
        assert [(step.kind, step.action, step.subscription) for step in steps] == [("foreign", Action.KEEP, made)]


def test_a_registration_of_a_foreign_row_cuts_off_what_it_stands_for_listed_or_not(contract: str) -> None:
    url = "https://production.example.com/x/"
    for made in (
        row(remote_id="ours", registered_url=url),
        row(remote_id="ours", status=Status.PENDING, previous_url=url, previous_topics=["lead.created"]),
    ):
        for remotes in ([], [RemoteSubscription(id="ours", topics=("lead.created",), callback_url=url)]):
            listed = Listed(account=conf.account("default"), remotes={contract: remotes})
            assert [one.callback_url for one in cut_off_by(made, contract, listed, [made]).foreign] == [url]


def test_a_registration_never_cuts_off_another_row_of_ours(account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    made, other = row(status=Status.PENDING), row(2, absent=None, remote_id="other")

    [step] = [step for step in judge([made, other], of(other, "other"), contract="conversion") if step.changes_zenvia]

    with pytest.raises(SubscriptionError, match="#2 has it"):
        refuse_to_cut_off(step.cut_off, approved=["other"])


@pytest.mark.parametrize("wish", [Wish.INACTIVE, Wish.DELETED])
def test_a_removal_that_was_cut_off_goes_on(contract: str, wish: Wish) -> None:
    made = row(wish=wish, absent=None, remote_id="ours")

    assert [(step.kind, step.action) for step in judge([made], of(made), of(made, "copy"), contract=contract)] == [
        ("ending", "remove"),
        ("ending", "remove"),
    ]
    assert [(step.kind, step.action) for step in judge([made], contract=contract)] == [("ending", "end")]


def test_an_unsent_wish_is_registered_at_once_and_any_other_after_a_minute() -> None:
    made = row(status=Status.PENDING, absent=None)

    assert [step.action for step in judge([made])] == ["wait"]
    assert [step.action for step in judge([made], unsent=made)] == ["register"]
    made.absent_since = NOW
    assert [step.action for step in judge([made], at=NOW + timedelta(seconds=59))] == ["wait"]
    assert [step.action for step in judge([made], at=NOW + timedelta(seconds=60))] == ["register"]


# A former contract


def test_what_a_former_contract_has_is_judged_by_its_own_list(account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    former = row(contract="help_center", remote_id="1", absent=None)
    new = row(2, contract="conversion", remote_id="1", absent=None)
    lists = {"conversion": [of(new, "1")], "help_center": [of(former, "1"), THEIRS]}

    steps = plan([former, new], Listed(account=conf.account("default"), remotes=lists), NOW)

    assert [(step.kind, step.action, step.contract) for step in steps] == [
        ("ours", "keep", "help_center"),
        ("ours", "keep", "conversion"),
        ("foreign", "keep", "help_center"),
    ]
