"""What a page or a command says in our own English where it should speak another language."""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import zenvia_webhooks

LOCALE = Path(zenvia_webhooks.__file__).parent / "locale"
PLACEHOLDER = re.compile(r"%\(\w+\)[\d.]*[a-z]|%%|\{\w+[^}]*\}|<[^>]+>")
#: Words of no other language that we speak: what was never marked for translation shows by them.
ENGLISH = re.compile(r"[^.:;]*\b(?:the|is|are|was|were|with|this|that|and|of|it|which|has)\b[^.:;]*", re.IGNORECASE)


def visible(html: str) -> str:
    """Return what a reader sees of a page, and what a screen reader says of its parts, without technical names."""
    html = re.sub(r"<(script|style|pre|code)\b.*?</\1>", " ", html, flags=re.DOTALL)
    html = re.sub(r'<span class="zenvia-name">[^<]*</span>', " ", html)
    said = re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', html)
    return unescape(" ".join([re.sub(r"<[^>]+>", " ", html), *said]))


def english_in(text: str, language: str) -> list[str]:
    """Return parts of a text that are English: of our texts that are translated, and what has English words."""
    text = " ".join(text.split())
    parts = (part for part in _parts(language) if part in text)
    return ENGLISH.findall(text) + [part for part in parts if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text)]


@functools.cache
def _parts(language: str) -> list[str]:
    return list(_read(language))


def _read(language: str) -> Iterator[str]:
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalogue: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
    for key, translated in catalogue.items():
        english = key if isinstance(key, str) else key[0]
        for part in map(str.strip, PLACEHOLDER.split(english)):
            if " " in part and part not in translated:
                yield part
