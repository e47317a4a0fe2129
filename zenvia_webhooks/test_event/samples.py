"""What is sent: the bytes of a sample, in the envelope and with the topic's name that an account's Zenvia would use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox.people import TEST_PERSON, Person, invent_person
from zenvia_webhooks.sandbox.samples import KINDS, check, payload_of_test, sample_payload
from zenvia_webhooks.sandbox.sender import encode
from zenvia_webhooks.subscriptions import holds

DEFAULT_CONTRACT = "help_center"


def sample_body(
    account: str,
    topic: str,
    *,
    contract: str | None = None,
    kind: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> bytes:
    """Return a sample of a topic, about somebody invented.

    `contract` is whose envelope, by default the account's; see `sample_payload` for `kind` and `fields`.
    Raises ValueError where there is no such sample.
    """
    # A site without settings can still post to a URL.
    of_settings = conf.accounts.get(account)
    name = contract or (of_settings.contract if of_settings else DEFAULT_CONTRACT)
    of_account = of_settings if of_settings and name == of_settings.contract else None
    # A topic of the account's own has a wire name in its settings, and no sample.
    check(name, topic, kind, strictly=not (of_account and topic in of_account.wire_topics))
    return _encoded(account, name, topic, sample_payload(topic, name, kind=kind, **(fields or {})))


def body_of_test(row: Subscription, topic: str) -> bytes:
    """Return a sample about the person whose name says that it is a test. Raises ValueError where there is none."""
    contract = _contract(row)
    return _encoded(row.account, contract, topic, payload_of_test(topic, contract))


def topics_of(row: Subscription) -> list[str]:
    """Return the topics that may come through a subscription and have a sample, its own first."""
    contract = _contract(row)
    found = [topic for topic in KINDS[contract] if holds(row, topic, contract)]
    return sorted(found, key=lambda topic: topic not in row.topics)


def invented_person() -> Person:
    """Return whom test events are about, with a name in the present language."""
    return invent_person(TEST_PERSON)


def names_person(row: Subscription, topic: str) -> bool:
    """Tell whether the test event of a topic names the person whose name says that it is a test."""
    return topic == "lead.created" or (_contract(row) == "conversion" and not topic.startswith("agent."))


def _contract(row: Subscription) -> str:
    account = conf.accounts.get(row.account)
    return account.contract if account else row.contract or DEFAULT_CONTRACT


def _encoded(account: str, contract: str, topic: str, payload: dict[str, Any]) -> bytes:
    known = conf.accounts.get(account)
    if known and known.contract == contract:
        payload["topic"] = get_contract(contract).wire_topic(topic, known.wire_topics)
    return encode(payload)
