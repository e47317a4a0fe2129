"""A question that a site asks itself through its public URL: is it this site that answers there?

The question looks like a subscription's token, so it reaches the webhook as a notification does. No subscription has
it; in place of the 404 that every other unknown token gets, the webhook answers with a proof that only a site with the
same key can give.

A test event, which a site sends itself in the same way, is stored like any other. It carries a mark that only such a
site can give, so that it is not taken for a sign of life of Zenvia's.
"""

from __future__ import annotations

import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

from zenvia_webhooks.conf import conf

#: Each half of a question, in hex digits.
HALF = 32
#: The header with which a site sends itself a test event.
MARK = "X-Zenvia-Webhooks-Test"


def new_question() -> str:
    """Return a question that only sites with this one's `DIGEST_KEY` know for one."""
    nonce = secrets.token_hex(HALF // 2)
    return nonce + _digest("question", nonce)[:HALF]


def proof(question: str) -> str | None:
    """Return the answer to a question; None if it is none of this site's."""
    nonce, mark = question[:HALF], question[HALF:]
    if not constant_time_compare(mark, _digest("question", nonce)[:HALF]):
        return None
    return _digest("proof", nonce)


def mark(token: str) -> str:
    """Return the value of `MARK` by which a subscription's test event is known for one."""
    return _digest("test", token)


def is_mark(token: str, text: str | None) -> bool:
    """Tell whether a webhook that came with this `MARK`, or none, is a test event of this site's own."""
    return text is not None and constant_time_compare(text, mark(token))


def _digest(kind: str, nonce: str) -> str:
    return salted_hmac(f"zenvia_webhooks.probe.{kind}", nonce, secret=conf.digest_key, algorithm="sha256").hexdigest()
