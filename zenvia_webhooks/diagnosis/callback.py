"""Whether the webhook is reached by its public URL: the site asks itself, as Zenvia would."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from zenvia_webhooks.callback import webhook_path
from zenvia_webhooks.client.transport import Answer, exchange
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts.base import Call, Credentials
from zenvia_webhooks.diagnosis.findings import Area, Finding, broken, ok, skipped
from zenvia_webhooks.exceptions import ZenviaConnectionError
from zenvia_webhooks.origins import origin_of
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.webhook import probe

AREA = Area.CALLBACK
#: Seconds for the whole of it.
TIMEOUT = 10


def check_callback() -> Iterator[Finding]:
    """Post a question to the public URL that no other site can answer."""
    base = conf.callback_base_url
    if base is None:
        yield skipped(AREA, _("There is no CALLBACK_BASE_URL to try."))
        return
    question = probe.new_question()
    path = webhook_path(question)
    # As an account without a key: what holds for calls to Zenvia, from redirects to time-outs, holds here.
    nobody = Account(alias="", api_key=None, contract="", api_url=base, wire_topics={}, timeout=TIMEOUT)
    try:
        answer = exchange(Call(method="POST", path=path, body={}), nobody, Credentials())
    except ZenviaConnectionError as error:
        yield broken(
            AREA,
            "no-callback",
            _("This machine can't reach %(base)s: %(error)s") % {"base": base, "error": redact_tokens(str(error))},
            how_to_be_reached(),
        )
        return
    yield _read(answer, base, question)


def how_to_be_reached() -> str:
    """Return what to do if no answer came."""
    return _(
        "Start the web server, and see that the name leads to it, that its certificate is good, and that it "
        "has two workers or more. Some networks don't let a machine reach its own public address: then try "
        "from outside."
    )


def _read(answer: Answer, base: str, question: str) -> Finding:
    names: dict[str, object] = {"base": base, "status": answer.status}
    said = _json(answer)
    proof = said.get("proof")
    if answer.status == 200 and isinstance(proof, str) and constant_time_compare(proof, probe.proof(question) or ""):
        return ok(AREA, _("%(base)s leads to this site's webhook.") % names)
    if answer.status == 404 and said.get("error") == "unknown token":
        return broken(
            AREA,
            "callback-with-another-key",
            _("A webhook of this kind answers at %(base)s, but with another key than this site's.") % names,
            _(
                "Set CALLBACK_BASE_URL to this site's own address; if it is, give every process the same DIGEST_KEY "
                "or SECRET_KEY."
            ),
        )
    return of_another(answer.status, error=said.get("error"), location=answer.location, base=base)


def of_another(status: int, *, error: object, location: str, base: str) -> Finding:
    """Return what to say of an answer of `base` that is none of this site's webhook, or of one that can't store.

    `error` is what it says in its JSON, `location` where it redirects.
    """
    names: dict[str, object] = {"base": base, "status": status}
    if 300 <= status < 400:
        return broken(
            AREA,
            "callback-redirects",
            _("%(base)s redirects to %(to)s, and Zenvia does not follow.") % {**names, "to": _origin(location)},
            _(
                "Behind a proxy, set SECURE_PROXY_SSL_HEADER beside SECURE_SSL_REDIRECT; else set CALLBACK_BASE_URL to "
                "the address that the site really has."
            ),
        )
    if status == 503 and error == "try again later":
        return broken(
            AREA,
            "callback-unavailable",
            _("The webhook at %(base)s can't store anything.") % names,
            _("Look into the web server's log: most likely it can't reach its database."),
        )
    return broken(
        AREA,
        "callback-is-another",
        _("Something else than this site's webhook answers at %(base)s: %(status)d.") % names,
        _(
            "Set CALLBACK_BASE_URL to this site's own address, and let /webhook/ through to it, without login, bot "
            "check or firewall. A 400 may be Django's, for a host that ALLOWED_HOSTS of the web server does not allow."
        ),
    )


def _json(answer: Answer) -> dict[str, object]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _origin(url: str) -> str:
    """Return what of a redirect's address may be shown: the path would hold a token."""
    origin = origin_of(url) or _("another path")
    return "".join(letter for letter in origin if letter.isprintable())
