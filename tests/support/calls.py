"""Every call that `ZenviaClient` makes, under each contract, and all that an error could show."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.conversion import LISTS
from zenvia_webhooks.exceptions import ZenviaError

TOKEN = "0123456789abcdef" * 4
URL = f"https://crm.example.com/zenvia/webhook/{TOKEN}/"
#: Our subscription as each contract writes it.
OURS: dict[str, dict[str, object]] = {
    "help_center": {"id": "subscription1", "topic": "lead.created", "callbackUrl": URL},
    "conversion": {"id": "subscription1", "topics": ["prospects"], "callbackUrl": URL},
}
LEAD_ID = "69af014baa00aa11aa22aa01"
SINCE, UNTIL = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)


class ClientCall(NamedTuple):
    contract: str
    #: What messages call it.
    name: str
    make: Callable[[], object]

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]


def _create() -> object:
    return ZenviaClient().create_subscription(["lead.created"], URL)


def _delete() -> object:
    ZenviaClient().delete_subscription("subscription1")
    return None


CALLS = (
    ClientCall("help_center", "GET /subscriptions", lambda: ZenviaClient().list_subscriptions()),
    ClientCall("help_center", "POST /subscriptions", _create),
    ClientCall(
        "help_center",
        "DELETE /subscriptions/subscription1",
        lambda: ZenviaClient().delete_subscription("subscription1"),
    ),
    ClientCall("conversion", "GET /notifications/topics", lambda: ZenviaClient().list_topics()),
    ClientCall("conversion", "GET /notifications/subscriptions", lambda: ZenviaClient().list_subscriptions()),
    ClientCall("conversion", "POST /notifications/subscriptions", _create),
    ClientCall("conversion", "DELETE /notifications/subscription/subscription1", _delete),
    ClientCall("conversion", "GET /checkCredentials", lambda: ZenviaClient().check_key()),
    ClientCall("conversion", "GET /prospects", lambda: ZenviaClient().list_objects(LISTS[0], SINCE, UNTIL)),
    ClientCall("conversion", f"GET /prospect/{LEAD_ID}", lambda: ZenviaClient().get_lead(LEAD_ID)),
)
IDS = [f"{call.contract} {call.name}" for call in CALLS]


def with_each(kinds: Collection[str]) -> list[Any]:
    """Return pytest's parameters (call, kind): every call with one of the kinds, and one GET and one POST with all.

    They share one way out and back, so that what a kind does to one call it does to all.
    """
    turns = itertools.cycle(kinds)
    pairs = {(call, next(turns)) for call in CALLS} | {(call, kind) for call in CALLS[:2] for kind in kinds}
    return [
        pytest.param(call, kind, id=f"{call.contract} {call.name}-{kind}")
        for call, kind in sorted(pairs, key=lambda pair: (CALLS.index(pair[0]), pair[1]))
    ]


def error_of(make: Callable[[], object]) -> ZenviaError:
    """Return the error that a call raises."""
    with pytest.raises(ZenviaError) as caught:
        make()
    return caught.value


def everything_shown(error: BaseException | None) -> str:
    """Return all that a log or an error tracker could show of an error: its chain, and the variables of its frames."""
    shown = []
    while error is not None:
        # Without the test's own frame.
        frames = error.__traceback__ and error.__traceback__.tb_next
        trace = traceback.TracebackException(type(error), error, frames, capture_locals=True)
        shown += [*trace.format(), *traceback.format_exception(error)]
        shown += [str(error), repr(error), repr(error.args), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(shown)
