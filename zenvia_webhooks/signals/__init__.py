"""The signals to connect to. Receivers run in a Celery worker, each on its own; see `EventSignal`."""

from __future__ import annotations

import inspect
import re
import sys
import threading
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.dispatch import Signal
from django.utils.inspect import func_accepts_kwargs

from zenvia_webhooks.contracts.values import Interaction
from zenvia_webhooks.signals.interruptions import guarded, guarded_async

ReceiverFunction = Callable[..., Any]
F = TypeVar("F", bound=ReceiverFunction)

#: What a delivery's column holds.
MAX_NAME_LENGTH = 255
#: What a receiver of `event_received` may be bound to: one topic, or all of a resource's.
TOPIC = re.compile(r"[^\s.*]+(\.[^\s.*]+)+|[^\s.*]+\.\*")
#: The topics of a receiver that is bound to none.
ALL = frozenset({"*"})


class Arrived(Protocol):
    """What the choice of receivers needs of an event."""

    topic: str

    @property
    def interaction(self) -> Interaction | None: ...


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A function that is connected to one of our signals."""

    #: Its `dispatch_uid`, or its dotted path.
    name: str
    function: ReceiverFunction
    signal: EventSignal
    sender: Any
    #: The `__spec__` of its module when it was connected: a new one if the module is loaded again.
    module_spec: object = None
    #: Exact topics and `resource.*`, or `ALL`.
    topics: frozenset[str] = ALL

    def is_bound_to(self, topic: str) -> bool:
        """Tell whether it asked for this topic by name."""
        # "support.expert.agent" is of the resource "support".
        resource, dot, _kind = topic.partition(".")
        return bool(self.topics & {topic, f"{resource}.*" if dot else topic})

    def wants(self, topic: str) -> bool:
        return self.topics >= ALL or self.is_bound_to(topic)

    @property
    def module(self) -> str:
        """The name of the module that its code is in; empty where it does not say."""
        return str(getattr(self.function, "__module__", None) or "")

    @property
    def is_atomic(self) -> bool:
        """Whether it may run in a transaction: see `non_atomic`."""
        return not getattr(self.function, "zenvia_non_atomic", False)


_lock = threading.Lock()


class EventSignal(Signal):
    """A signal for events.

    Receivers get `(sender, event, **kwargs)`: `sender` is the `Event` class, `event` a stored event. Each is
    attempted on its own, retried alone on its own schedule if it raises, and named by its `dispatch_uid` or its
    dotted path. It may return a model instance: the delivery remembers it.
    """

    # Django's own list differs between its versions and knows no names, so we keep one of ours beside it.
    def __init__(self) -> None:
        super().__init__()
        self._named: dict[str, Receiver] = {}

    def connect(
        self,
        receiver: ReceiverFunction,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Hashable | None = None,
        topics: Collection[str] | None = None,
    ) -> None:
        """Connect a receiver.

        `topics`, for `event_received` alone, are those that it wants: exact ones, and `resource.*`. It then counts as
        a receiver of theirs. Connecting it once more adds to them. A direct `send()` of Django's knows no topics.

        Raises ValueError for topics that are none, and for a receiver that could not be found again by its name in
        another process (a lambda, a local function, an object without a name), that shares its name with another, that
        takes no keyword arguments, or that is a generator, as calling it runs none of it.
        """
        name = receiver_name(receiver, dispatch_uid)
        wanted = ALL if topics is None else self._checked(name, topics)
        if inspect.isgeneratorfunction(receiver) or inspect.isasyncgenfunction(receiver):
            raise ValueError(f"The receiver {name} must not yield: calling it would run nothing.")
        if not func_accepts_kwargs(receiver):
            raise ValueError(f"The receiver {name} must take **kwargs: later versions may pass it more.")
        with _lock:
            _make_room(name, receiver)
            # Ours is the reference that keeps it alive, so Django's may as well be strong: fewer ways to differ.
            super().connect(receiver, sender=sender, weak=False, dispatch_uid=dispatch_uid)
            before = self._named[name].topics if name in self._named else frozenset()
            self._named[name] = Receiver(
                name=name,
                function=receiver,
                signal=self,
                sender=sender,
                module_spec=_module_spec(receiver),
                topics=before | wanted,
            )

    def _checked(self, name: str, topics: object) -> frozenset[str]:
        if self is not event_received:
            raise ValueError(f"The receiver {name} can't have topics: event_received alone takes them.")
        if isinstance(topics, str) or not isinstance(topics, Collection) or not topics:
            raise ValueError(f"The topics of {name} must be a list that is not empty, not {topics!r}.")
        for topic in topics:
            if not isinstance(topic, str) or not TOPIC.fullmatch(topic):
                raise ValueError(
                    f"The receiver {name} can't be bound to {topic!r}: write a topic such as 'lead.updated', "
                    "or 'lead.*' for all of a resource's."
                )
        return frozenset(topics)

    def disconnect(
        self,
        receiver: ReceiverFunction | None = None,
        sender: Any = None,
        dispatch_uid: Hashable | None = None,
    ) -> bool:
        """Disconnect a receiver, named as it was connected; tell whether it was."""
        with _lock:
            was_connected = super().disconnect(receiver, sender=sender, dispatch_uid=dispatch_uid)
            if was_connected and receiver is not None and not dispatch_uid:
                del self._named[receiver_name(receiver)]
            elif was_connected:
                del self._named[str(dispatch_uid)]
        return was_connected

    def connected(self, sender: Any) -> list[Receiver]:
        """Return the receivers that want this sender's events, in the order of connection."""
        with _lock:
            return [known for known in self._named.values() if known.sender in (None, sender)]


#: A lead was created: `event.lead` says who asked.
lead_created = EventSignal()
#: A quote changed, in whatever way: `event.quote` says which and its status. Fires for every `quote.*` topic.
quote_updated = EventSignal()
#: A conversation was resolved: `event.interaction` says of which lead, and why. Under the contract `conversion` that is
#: a lead which a consultant archived (`lead.archived`), or an interaction whose type or status is in the setting
#: `RESOLVED_STATUSES`. It fires on every later change while it is so: key on lead_id and reason.
interaction_resolved = EventSignal()
#: A lead wrote: `event.interaction` has text and attachment, `event.lead` says who. It fires again on a change of the
#: message: key on interaction_id.
message_received = EventSignal()
#: The company wrote, a bot or this site itself included; as above.
message_sent = EventSignal()
#: An event of any topic arrived, known to us or not. `@receiver(event_received, topics=["lead.updated", "agent.*"])`
#: takes those alone.
event_received = EventSignal()

EVENT_SIGNALS = (
    *(lead_created, quote_updated, interaction_resolved, message_received, message_sent),
    event_received,
)


class ReportSignal(Signal):
    """A signal about our own work: whatever a receiver raises is logged, and the others are called all the same."""

    def _live_receivers(self, sender: object) -> tuple[list[ReceiverFunction], list[ReceiverFunction]]:
        # Django's `send_robust` stops at what is no `Exception`.
        receivers, asynchronous = super()._live_receivers(sender)
        return list(map(guarded, receivers)), list(map(guarded_async, asynchronous))


#: Sent at once, best effort, after every failed attempt: `(sender, event, delivery)`, sender the `Delivery` class.
#: An exception in a receiver is logged and goes no further.
delivery_failed = ReportSignal()
#: Sent once, best effort, when Zenvia no longer lists a subscription and no events come through it:
#: `(sender, subscription)`, sender the `Subscription` class. In whatever process compared; it is registered again by a
#: person or by `zenvia_sync_subscriptions --apply`, not by itself.
subscription_lost = ReportSignal()
#: Sent once a person's events are erased, best effort, so that the site erases its own rows:
#: `(sender, lead_ids, phones, emails, results, count)`, sender the `Event` class, `count` the number of events, the
#: others frozensets of texts: as Zenvia wrote them, and `app_label.model:primary key` of what receivers returned. It
#: comes again from a worker that had one of the events in its hands. Keep nothing of it.
person_erased = ReportSignal()


def _make_room(name: str, receiver: ReceiverFunction) -> None:
    """Forget the former self of a receiver whose module was loaded again, as autoreloaders do.

    Raises ValueError where another has the name.
    """
    for known in [known for signal in EVENT_SIGNALS for known in signal._named.values()]:
        # A name means one function, whichever signal it is connected to; without regard to case, as the unique keys of
        # MariaDB and MySQL compare so.
        if known.name.casefold() != name.casefold() or known.function == receiver:
            continue
        if known.module_spec is _module_spec(receiver) or not _is_same(known.function, receiver):
            raise ValueError(
                f"Two receivers are named {name}: give each a dispatch_uid of its own, "
                "so that their deliveries can be told apart."
            )
        Signal.disconnect(known.signal, known.function, sender=known.sender)
        Signal.disconnect(known.signal, sender=known.sender, dispatch_uid=known.name)
        del known.signal._named[known.name]


def signals_of(event: Arrived) -> tuple[EventSignal, ...]:
    """Return the signals that are an event's own, besides `event_received`."""
    if event.topic.startswith("quote."):
        return (quote_updated,)
    by_topic = {
        "lead.created": lead_created,
        "lead.archived": interaction_resolved,
        "interaction.resolved": interaction_resolved,
    }
    by_direction = {"inbound": message_received, "outbound": message_sent}
    # What is no interaction need not be read.
    interaction = event.interaction if event.topic.startswith("interaction.") else None
    found = (by_topic.get(event.topic), by_direction.get(interaction.direction or "") if interaction else None)
    return tuple(signal for signal in found if signal is not None)


def receivers_of(event: Arrived, sender: Any) -> dict[str, Receiver]:
    """Return name → receiver of all that want an event: those of its own signals first, in the order of connection.

    One that is connected to several of these signals is there once.
    """
    own = [receiver for signal in signals_of(event) for receiver in signal.connected(sender)]
    others = [receiver for receiver in event_received.connected(sender) if receiver.wants(event.topic)]
    by_name: dict[str, Receiver] = {}
    for receiver in (*own, *others):
        by_name.setdefault(receiver.name, receiver)
    return by_name


def _module_spec(function: ReceiverFunction) -> object:
    return getattr(sys.modules.get(getattr(function, "__module__", None) or ""), "__spec__", None)


def _is_same(one: ReceiverFunction, other: ReceiverFunction) -> bool:
    """Tell whether two functions are one in the source: of the same name in the same module."""
    places = [(getattr(it, "__module__", None), getattr(it, "__qualname__", None)) for it in (one, other)]
    return places[0] == places[1] and None not in places[0]


def non_atomic(receiver: F) -> F:
    """Exempt a receiver from `ATOMIC_RECEIVERS`: it runs outside a transaction, at least once.

    For one that talks to outside systems for long, or has transactions of its own.
    """
    receiver.zenvia_non_atomic = True  # type: ignore[attr-defined]  # a mark on a function
    return receiver


def receiver_name(receiver: ReceiverFunction, dispatch_uid: Hashable | None = None) -> str:
    """Return the name that a delivery goes by.

    Raises ValueError for a receiver that another process could not find by that name.
    """
    path = getattr(receiver, "__qualname__", None)
    if path is not None and ("<lambda>" in path or "<locals>" in path):
        raise ValueError(
            f"The receiver {path} is a lambda or a local function, which a Celery worker can't find again: "
            "connect a function at the top of a module (a decorator around one needs functools.wraps)."
        )
    if dispatch_uid is not None and not isinstance(dispatch_uid, str):
        raise ValueError(f"dispatch_uid must be a string: it names the receiver in the database, not {dispatch_uid!r}.")
    if not dispatch_uid and (path is None or not (inspect.isroutine(receiver) or inspect.isclass(receiver))):
        raise ValueError(f"The receiver {receiver!r} has no name of its own: give it a dispatch_uid.")
    name = dispatch_uid or f"{receiver.__module__}.{path}"
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"The receiver's name is longer than {MAX_NAME_LENGTH} characters: give it a dispatch_uid.")
    return name
