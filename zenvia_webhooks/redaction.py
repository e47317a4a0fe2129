"""Texts that may be shown: without tokens of subscriptions, and without API keys."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote

#: How much of a text of somebody else's is shown.
EXCERPT = 200
#: Fewer letters of a key than this may be any word's.
MIN_PART_OF_A_KEY = 4

TOKEN = re.compile("[0-9a-f]{64}")
#: What is left of a token where an answer broke off.
HALF_A_TOKEN = re.compile("[0-9a-f]{7,63}$")


def redact_tokens(text: str) -> str:
    """Return a text for logs and lists: tokens of subscriptions in it are cut down."""
    return TOKEN.sub(lambda match: match[0][:6] + "…", text)


def excerpt(text: str, api_key: str, *, broke_off: bool = False) -> str:
    """Return the beginning of an answer in one line, without the key, which some servers echo, and without tokens.

    One that `broke_off` may end in half a secret.
    """
    words = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    # All before the cut, which could leave half a secret.
    for key in _spellings(api_key):
        words = words.replace(key, "***")
    if broke_off:
        words = _without_half_a_secret(words, api_key)
    words = redact_tokens(words)
    return words if len(words) <= EXCERPT else words[:EXCERPT] + "…"


def _without_half_a_secret(words: str, api_key: str) -> str:
    for key in _spellings(api_key):
        for size in range(len(key), MIN_PART_OF_A_KEY - 1, -1):
            if words.endswith(key[:size]):
                return words[:-size] + "***"
    return HALF_A_TOKEN.sub(lambda match: match[0][:6] + "…", words)


def _spellings(key: str) -> list[str]:
    """Return a key as JSON, HTML and URLs write it, longest first."""
    as_json = json.dumps(key)[1:-1]
    spelt = {key, as_json, as_json.replace("/", "\\/"), html.escape(key), quote(key), quote(key, safe="")}
    return sorted(spelt, key=len, reverse=True)
