"""How single values look in the admin."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def badge(status: str, label: str) -> SafeString:
    """Return a status as a small coloured label."""
    return format_html('<span class="zenvia-badge zenvia-{}">{}</span>', status, label)


def block(text: str) -> SafeString:
    """Return text as it is, line breaks included, escaped."""
    return format_html('<pre class="zenvia-block">{}</pre>', text)


def json_block(value: Any) -> SafeString:
    """Return JSON pretty-printed and escaped."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def object_link(instance: models.Model, site: str) -> SafeString | str:
    """Return a link to an object's page in the admin; its text alone where it has none."""
    options = instance._meta
    try:
        url = reverse(f"{site}:{options.app_label}_{options.model_name}_change", args=[instance.pk])
    except NoReverseMatch:
        return str(instance)
    return format_html('<a href="{}">{}</a>', url, instance)
