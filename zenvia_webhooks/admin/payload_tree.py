"""JSON as a tree to read, open and close."""

from __future__ import annotations

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

#: Levels that are open at first.
OPEN = 3


def tree(value: Any) -> SafeString:
    """Return JSON as nested lists, with a button that copies its text. Values are escaped."""
    return format_html(
        '<div class="zenvia-tree"><button type="button" class="zenvia-link" data-zenvia-copy="zenvia-json" hidden>{}'
        '</button><pre id="zenvia-json" hidden>{}</pre>{}</div>',
        gettext("Copy as JSON"),
        json.dumps(value, indent=2, ensure_ascii=False),
        _node(value, 0),
    )


def _node(value: Any, level: int) -> SafeString:
    if not isinstance(value, dict | list) or not value:
        return format_html("<code>{}</code>", value if isinstance(value, str) else json.dumps(value))
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return format_html(
        "<ul>{}</ul>",
        format_html_join("", "<li>{}</li>", ((_pair(key, item, level),) for key, item in pairs)),
    )


def _pair(key: Any, value: Any, level: int) -> SafeString:
    if not isinstance(value, dict | list) or not value:
        return format_html("<b>{}</b> {}", key, _node(value, level))
    size = ngettext("%(count)d value", "%(count)d values", len(value)) % {"count": len(value)}
    return format_html(
        '<details{}><summary><b>{}</b> <span class="quiet">{}</span></summary>{}</details>',
        SafeString(" open") if level < OPEN else "",
        key,
        size,
        _node(value, level + 1),
    )
