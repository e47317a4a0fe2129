"""A list is read whole, whatever the server does, or what is missing is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.recovering import ago
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts import conversion, listing
from zenvia_webhooks.recovery.calls import Calls, NotNowError
from zenvia_webhooks.recovery.reading import Part, Reading
from zenvia_webhooks.recovery.spans import Span, in_milliseconds
from zenvia_webhooks.sandbox import Listing, Sandbox

LEADS, INTERACTIONS, *_QUOTES = conversion.LISTS
HOUR = Span(in_milliseconds(ago(hours=2)), in_milliseconds(ago(hours=1)))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 10)


def parts_of(span: Span = HOUR, of: listing.ObjectList = INTERACTIONS, most: int = 2000) -> list[Part]:
    return list(Reading(Calls(ZenviaClient(), most=most), of).parts(span))


def ids(parts: list[Part]) -> set[str]:
    return {one.id for part in parts for one in part.objects}


def fill(zenvia: Sandbox, messages: int) -> set[str]:
    zenvia.history.fill(HOUR.since, HOUR.until, messages=messages)
    return set(zenvia.history.store.interactions._ids)


@pytest.mark.parametrize("number", [0, 1, 2, 5, 6, 9, 10, 11, 33])
def test_pages_make_up_the_span(zenvia: Sandbox, number: int) -> None:
    expected = fill(zenvia, number)
    parts = parts_of()
    assert ids(parts) == expected
    assert all(part.is_whole for part in parts)
    edges = [HOUR.until, *(part.span.since for part in parts)]
    assert [part.span.until for part in parts] == edges[:-1]
    assert edges[-1] == HOUR.since


@pytest.mark.parametrize(
    "faults",
    [
        Listing(cap=7),
        Listing(cursors=False),
        Listing(cursors=False, cap=7),
        Listing(order="oldest first"),
        Listing(order="oldest first", cap=7),
        Listing(order="shuffled"),
        Listing(order="shuffled", cap=7),
        Listing(changes_mind=True),
        Listing(changes_mind=True, cursors=False),
        Listing(short_pages=True),
        Listing(short_pages=True, cursors=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("number", [4, 22])
def test_a_server_that_misbehaves_is_noticed_and_read_whole(
    zenvia: Sandbox, faults: Listing, turn: int, number: int
) -> None:
    expected = fill(zenvia, number)
    zenvia.listing = faults
    for _ in range(turn):
        ZenviaClient().list_objects(LEADS, HOUR.since, HOUR.until)
    parts = parts_of()
    assert ids(parts) == expected
    assert all(part.is_whole for part in parts)


def test_what_no_smaller_span_tells_apart_is_named(zenvia: Sandbox) -> None:
    moment = HOUR.since + timedelta(minutes=30)
    for _ in range(30):
        zenvia.history.happen("interaction.created", at=moment)
    zenvia.listing = Listing(cursors=False)
    whole = {part.is_whole for part in parts_of() if moment in part.span}
    assert whole == {False}


def test_no_more_calls_are_made_than_one_run_may(zenvia: Sandbox) -> None:
    fill(zenvia, 65)
    with pytest.raises(NotNowError):
        parts_of(most=2)
    assert len(zenvia.requests) == 2


def test_spans_are_of_thirty_days_at_most(zenvia: Sandbox) -> None:
    old = zenvia.history.happen("interaction.created", at=ago(days=75))
    parts = parts_of(Span(in_milliseconds(ago(days=80)), in_milliseconds(ago(hours=1))))
    assert ids(parts) == {old["interaction"]["id"]}
    assert {request.status for request in zenvia.requests} == {200}
