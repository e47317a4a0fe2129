"""What a person is known by, as the keys of events hold it: keyed digests, never a value itself.

What an event says is keyed as one reading; what somebody asks for may have several, such as a number's in each country.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hmac import HMAC

from django.utils.crypto import salted_hmac

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.values import Lead
from zenvia_webhooks.people.normalise import asked_phones, normal_email, stored_phone

#: 128 bits.
DIGEST_BYTES = 16
#: Kinds of keys.
OBJECT, LEAD, EMAIL, PHONE = "object", "lead", "email", "phone"
#: Addresses, and numbers, of one event that are keyed: whoever sends more of them must not cost more.
MOST_OF_A_KIND = 20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One thing that a text may mean."""

    kind: str
    #: A number as E.164, an address in lower case, a lead's id.
    value: str
    #: Of a lead's id; empty otherwise: numbers and addresses are the same for every account.
    account: str = ""

    @property
    def digest(self) -> bytes:
        return digest(self.account, self.kind, self.value)


def digest(account: str, kind: str, value: str) -> bytes:
    """Return what stands for a value: keyed, so that a list of likely values does not give it away."""
    content = f"{account}\0{kind}\0{value}".encode(errors="replace")
    keyed = _keyed(conf.digest_key).copy()
    keyed.update(content)
    return keyed.digest()[:DIGEST_BYTES]


@lru_cache(maxsize=4)
def _keyed(secret: str) -> HMAC:
    # To make the key of the secret takes longer than the digest.
    return salted_hmac("zenvia_webhooks.key", b"", secret=secret, algorithm="sha256")


def stored(account: str, object_id: str | None, lead: Lead | None) -> Iterator[Reading]:
    """Yield what an event of an account can be found by, each once."""
    if object_id:
        yield Reading(kind=OBJECT, value=object_id, account=account)
    if lead is None:
        return
    if lead.lead_id:
        yield Reading(kind=LEAD, value=lead.lead_id, account=account)
    emails = (normal_email(text) for text in lead.emails[:MOST_OF_A_KIND])
    phones = (stored_phone(text, conf.phone_regions) for text in lead.phones[:MOST_OF_A_KIND])
    yield from (Reading(kind=EMAIL, value=value) for value in dict.fromkeys(emails) if value)
    yield from (Reading(kind=PHONE, value=value) for value in dict.fromkeys(phones) if value)


def asked(text: str, accounts: Iterable[str]) -> list[Reading]:
    """Return what a text may mean: a phone number in any notation, an e-mail address, a lead's id of each account."""
    text = text.strip()
    if not text:
        return []
    email = normal_email(text)
    return [
        *(Reading(kind=PHONE, value=phone) for phone in sorted(asked_phones(text, conf.phone_regions))),
        *([Reading(kind=EMAIL, value=email)] if email else []),
        *(Reading(kind=LEAD, value=text, account=account) for account in accounts),
    ]
