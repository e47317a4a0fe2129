from __future__ import annotations

import json
from typing import Any

import pytest

from zenvia_webhooks.safe_json import MAX_DEPTH, canonical, make_safe, parse_object


def nested(depth: int) -> dict[str, Any]:
    """Return an object in an object, and so on: `depth` of them."""
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' \r\n\t{"a": "Jo\xc3\xa3o"} ', {"a": "João"}),
        (b'{"a": "\\u0000"}', {"a": "\0"}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": [1e999, -1e999]}', {"a": [None, None]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": 9223372036854775808}', {"a": "9223372036854775808"}),
        (b'{"a": -9223372036854775808}', {"a": -(2**63)}),
        (b'{"a": -9223372036854775809}', {"a": "-9223372036854775809"}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
    ],
)
def test_object_is_parsed(body: bytes, value: dict[str, Any]) -> None:
    assert parse_object(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"text"',
        b'[{"a": 1}]',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": "\0"}',
        b'{"a": "\n"}',
        b'{"a": "\xff"}',
        b'{"a": 1} {"b": 2}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-32"),
        b'{"a": ' * 100_000,
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_all_else_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_object(body)


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("Jo\0ão", "Jo\ufffdão"),
        ("\ud800 and \udfff", "\ufffd and \ufffd"),
        ("😀", "😀"),
        ({"a\0": {"\udc00": 1}}, {"a\ufffd": {"\ufffd": 1}}),
        ([True, False, None, 0, -1, 0.5], [True, False, None, 0, -1, 0.5]),
    ],
)
def test_odd_values_are_made_safe(value: object, safe: object) -> None:
    assert make_safe(value) == safe


def test_what_is_nested_too_deep_becomes_its_text() -> None:
    deepest_kept = nested(MAX_DEPTH)
    assert make_safe(deepest_kept) == deepest_kept
    text: Any = make_safe(nested(MAX_DEPTH + 2))
    for _ in range(MAX_DEPTH):
        assert isinstance(text, dict)
        text = text["a"]
    assert text == '{"a":{}}'


def test_canonical_form_ignores_spacing_and_order_of_keys_alone() -> None:
    one, other = b'{"b": [1, 2],  "a": "\xc3\xa3"}', b'{"a":"\\u00e3","b":[1,2]}'
    assert canonical(json.loads(one)) == canonical(json.loads(other)) == b'{"a":"\\u00e3","b":[1,2]}'
    assert canonical({"a": [2, 1]}) != canonical({"a": [1, 2]})


def test_canonical_form_is_there_for_what_no_database_takes() -> None:
    assert canonical({"a": "\ud800\0"}) == b'{"a":"\\ud800\\u0000"}'
    with pytest.raises(ValueError, match="nested deeper"):
        canonical(nested(100_000))
