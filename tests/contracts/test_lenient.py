"""Single values: what is odd is None."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from zenvia_webhooks.contracts.lenient import amount, first_text, instant, listed, string, text


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("a", "a"),
        (" a\n", "a"),
        ("", None),
        ("  ", None),
        (7, "7"),
        (True, None),
        (1.5, None),
        (None, None),
        ([], None),
    ],
)
def test_text(value: object, read: str | None) -> None:
    assert text(value) == read


def test_first_text_is_the_first_that_is_one() -> None:
    assert first_text({"a": "", "b": None, "c": "found", "d": "later"}, "a", "b", "x", "c", "d") == "found"
    assert first_text({}, "a") is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2024-12-09T15:30:00Z", datetime(2024, 12, 9, 15, 30, tzinfo=UTC)),
        ("2024-12-09T15:30:00.668Z", datetime(2024, 12, 9, 15, 30, 0, 668000, tzinfo=UTC)),
        ("2024-12-09T15:30:00-03:00", datetime(2024, 12, 9, 18, 30, tzinfo=UTC)),
        (" 2024-12-09T15:30:00 ", datetime(2024, 12, 9, 15, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("1899-12-31T23:59:59Z", None),
        ("9999-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (1733758200, None),
        (None, None),
    ],
)
def test_instant(value: object, read: datetime | None) -> None:
    found = instant(value)
    assert found == read
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (199.9, Decimal("199.9")),
        ("1e3", Decimal(1000)),
        (" 7 ", Decimal(7)),
        (True, None),
        ("seven", None),
        ("NaN", None),
        (1e308, None),
        ("1e-30", None),
        (None, None),
        ({}, None),
    ],
)
def test_amount(value: object, read: Decimal | None) -> None:
    assert amount(value) == read


def test_string_is_no_number() -> None:
    values: tuple[object, ...] = (" a ", "7", 7, "", None, [])
    assert [string(value) for value in values] == ["a", "7", None, None, None, None]


def test_listed_holds_objects_alone() -> None:
    assert listed([{"a": 1}, 5, None, [{}]]) == [{"a": 1}]
    assert listed({"a": 1}) == [{"a": 1}]
    odd: tuple[object, ...] = (None, "text", 7, [])
    assert [listed(value) for value in odd] == [[], [], [], []]
