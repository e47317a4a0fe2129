from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import Any

import pytest
from django.dispatch import receiver

from tests.support import receivers
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import (
    EventSignal,
    event_received,
    interaction_resolved,
    lead_created,
    message_received,
    message_sent,
    non_atomic,
    quote_updated,
    receiver_name,
    receivers_of,
    signals_of,
)


class Crm:
    def receive(self, sender: Any, event: Event, **kwargs: Any) -> None: ...

    def __call__(self, sender: Any, event: Event, **kwargs: Any) -> None: ...


crm = Crm()


def takes_no_more(sender: Any, event: Event) -> None: ...


def yields(sender: Any, event: Event, **kwargs: Any) -> Any:
    yield event


async def yields_later(sender: Any, event: Event, **kwargs: Any) -> Any:
    yield event


def other(sender: Any, event: Event, **kwargs: Any) -> None: ...


def names(signal: EventSignal) -> list[str]:
    return [known.name for known in signal.connected(Event)]


def test_receiver_is_named_by_its_dotted_path_or_its_dispatch_uid() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(other, dispatch_uid="crm.other")
    assert names(lead_created) == ["tests.support.receivers.note", "crm.other"]
    assert receiver_name(receivers.note) == "tests.support.receivers.note"


def test_decorator_connects() -> None:
    receiver([lead_created, quote_updated], sender=Event)(receivers.note)
    assert names(lead_created) == names(quote_updated) == ["tests.support.receivers.note"]


def test_connecting_twice_is_connecting_once() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.note)
    assert names(lead_created) == ["tests.support.receivers.note"]


def test_order_is_that_of_connection() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.create_customer)
    event_received.connect(other)
    event_received.connect(receivers.note)
    connected = receivers_of(Event(topic="lead.created"), Event)
    assert list(connected) == [
        "tests.support.receivers.note",
        "tests.support.receivers.create_customer",
        "tests.test_signals.other",
    ]
    assert connected["tests.support.receivers.note"].signal is lead_created


def test_sender_is_honoured() -> None:
    lead_created.connect(receivers.note, sender=Event)
    lead_created.connect(other, sender=Crm)
    assert names(lead_created) == ["tests.support.receivers.note"]


def test_bound_method_with_a_name_is_kept_alive() -> None:
    lead_created.connect(Crm().receive, dispatch_uid="crm.receive")
    gc.collect()
    assert names(lead_created) == ["crm.receive"]


def test_django_can_send_it_directly() -> None:
    lead_created.connect(receivers.note)
    event = Event(pk=7)
    lead_created.send(sender=Event, event=event)
    assert receivers.calls == [("note", 7)]


def local() -> Callable[..., None]:
    def inner(sender: Any, event: Event, **kwargs: Any) -> None: ...

    return inner


@pytest.mark.parametrize(
    ("function", "dispatch_uid", "words"),
    [
        (lambda sender, event, **kwargs: None, None, "lambda or a local function"),
        (lambda sender, event, **kwargs: None, "a.name", "lambda or a local function"),
        (local(), None, "lambda or a local function"),
        (functools.partial(other, more=1), None, "give it a dispatch_uid"),
        (crm, None, "give it a dispatch_uid"),
        (other, 5, "must be a string"),
        (other, ("a", "b"), "must be a string"),
        (other, "n" * 256, "longer than 255"),
        (yields, None, "yields must not yield"),
        (yields_later, None, "yields_later must not yield"),
        (takes_no_more, None, r"takes_no_more must take \*\*kwargs"),
    ],
)
def test_receiver_that_could_not_be_found_again_is_refused(
    function: Callable[..., None], dispatch_uid: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        lead_created.connect(function, dispatch_uid=dispatch_uid)
    assert names(lead_created) == []


@pytest.mark.parametrize("function", [functools.partial(other, more=1), crm, Crm().receive])
def test_object_with_a_dispatch_uid_is_a_receiver(function: Callable[..., None]) -> None:
    lead_created.connect(function, dispatch_uid="crm")
    assert names(lead_created) == ["crm"]


def test_two_receivers_can_not_share_a_name() -> None:
    lead_created.connect(receivers.note, dispatch_uid="crm.save")
    for name in ("crm.save", "CRM.Save"):  # the unique keys of some databases fold case
        with pytest.raises(ValueError, match="a dispatch_uid of its own"):
            event_received.connect(other, dispatch_uid=name)


def test_one_receiver_may_have_two_signals() -> None:
    lead_created.connect(receivers.note)
    event_received.connect(receivers.note)
    assert list(receivers_of(Event(topic="lead.created"), Event)) == ["tests.support.receivers.note"]
    assert list(receivers_of(Event(topic="visit.booked"), Event)) == ["tests.support.receivers.note"]


def test_disconnected_receiver_is_gone() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(other, dispatch_uid="crm.other")
    assert lead_created.disconnect(receivers.note)
    assert lead_created.disconnect(dispatch_uid="crm.other")
    assert names(lead_created) == []
    assert not lead_created.disconnect(receivers.note)
    lead_created.send(sender=Event, event=Event(pk=7))
    assert receivers.calls == []


def interaction(topic: str, **output: Any) -> Event:
    """Return an event of `conversion` about an interaction with this output."""
    return Event(contract="conversion", topic=topic, payload={"interaction": {"output": output}})


INBOUND = {"message": {"performer": "integration"}}
OUTBOUND = {"message": {"performer": "agent"}}


@pytest.mark.parametrize(
    ("event", "own"),
    [
        (Event(topic="lead.created"), [lead_created]),
        (Event(topic="lead.updated"), []),
        (Event(topic="lead.archived"), [interaction_resolved]),
        (Event(topic="quote.updated"), [quote_updated]),
        (Event(topic="quote.created"), [quote_updated]),
        (Event(topic="interaction.resolved"), [interaction_resolved]),
        (Event(topic="interaction.created"), []),
        (interaction("interaction.created", **INBOUND), [message_received]),
        (interaction("interaction.updated", **OUTBOUND), [message_sent]),
        (interaction("interaction.resolved", **INBOUND), [interaction_resolved, message_received]),
        (interaction("interaction.created", comment="a note"), []),
        (interaction("interaction.created", message={}), []),
        (interaction("lead.updated", **INBOUND), []),
        (Event(topic="visit.booked"), []),
        (Event(topic=""), []),
    ],
)
def test_an_event_has_its_own_signals(event: Event, own: list[EventSignal]) -> None:
    assert list(signals_of(event)) == own


# Topics of `event_received`


def takers(topic: str) -> list[str]:
    return [name.rpartition(".")[2] for name in receivers_of(Event(topic=topic), Event)]


def test_a_receiver_may_be_bound_to_topics_and_to_all_of_a_resource() -> None:
    receiver(event_received, topics=["lead.updated", "agent.*"])(other)
    event_received.connect(receivers.note)
    assert takers("lead.updated") == takers("agent.created") == takers("agent.x.y") == ["other", "note"]
    assert takers("lead.created") == takers("agents.created") == takers("agent") == ["note"]


def test_topics_stacked_on_one_function_add() -> None:
    receiver(event_received, topics=("lead.updated",))(receiver(event_received, topics={"quote.*"})(other))
    assert [takers(topic) for topic in ("lead.updated", "quote.created", "lead.created")] == [["other"], ["other"], []]


def test_one_with_topics_and_without_gets_everything_and_is_bound_all_the_same() -> None:
    event_received.connect(other)
    event_received.connect(other, topics=["lead.updated"])
    assert takers("lead.updated") == takers("lead.created") == ["other"]
    (known,) = event_received.connected(Event)
    assert [known.is_bound_to(topic) for topic in ("lead.updated", "lead.created")] == [True, False]


def test_a_bound_receiver_of_the_topics_own_signal_is_there_once() -> None:
    lead_created.connect(other)
    event_received.connect(other, topics=["lead.*"])
    assert takers("lead.created") == takers("lead.updated") == ["other"]


def test_disconnecting_forgets_the_topics() -> None:
    event_received.connect(other, topics=["lead.*"])
    event_received.disconnect(other)
    event_received.connect(other, topics=["quote.*"])
    assert (takers("lead.updated"), takers("quote.updated")) == ([], ["other"])


@pytest.mark.parametrize(
    "topics",
    [
        *([], (), "lead.created", 5, [""], ["lead"], ["*"], ["*.created"], ["lead."], [".x"], ["lead.*.x"]),
        *(["lead.cre*"], ["lead created"], ["lead.created", None], [["lead.created"]], ["lead..x"]),
    ],
    ids=repr,
)
def test_topics_that_are_none_are_refused(topics: Any) -> None:
    with pytest.raises(ValueError, match=r"tests\.test_signals\.other"):
        event_received.connect(other, topics=topics)
    assert names(event_received) == []


@pytest.mark.parametrize("signal", [lead_created, message_received, interaction_resolved])
def test_topics_are_for_event_received_alone(signal: EventSignal) -> None:
    with pytest.raises(ValueError, match="event_received alone takes them"):
        receiver(signal, topics=["lead.created"])(other)
    assert names(signal) == []


def test_non_atomic_is_a_mark_on_the_function() -> None:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.flaky_outside)
    assert [known.is_atomic for known in lead_created.connected(Event)] == [True, False]
    assert non_atomic(other) is other
    del other.zenvia_non_atomic  # type: ignore[attr-defined]  # the mark


def test_a_receiver_is_disconnected_by_what_it_was_connected_by() -> None:
    lead_created.connect(other, dispatch_uid="crm.other")
    assert not lead_created.disconnect(other)
    assert not lead_created.disconnect(dispatch_uid="crm.another")
    assert names(lead_created) == ["crm.other"]
    assert lead_created.disconnect(dispatch_uid="crm.other")
    assert names(lead_created) == []
