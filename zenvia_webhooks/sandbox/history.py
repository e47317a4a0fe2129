"""What happened at the stand-in Zenvia: made to happen here, then sent as webhooks, listed, or both."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from zenvia_webhooks.sandbox import changes, conversations
from zenvia_webhooks.sandbox.object_ids import in_milliseconds, now_in_milliseconds
from zenvia_webhooks.sandbox.objects import envelope
from zenvia_webhooks.sandbox.records import Agent, Change, Prospect
from zenvia_webhooks.sandbox.store import Store

Envelope = dict[str, Any]

#: Canonical topic → its kinds, the usual one first.
KINDS: Mapping[str, tuple[str, ...]] = {
    "lead.created": ("phone", "social"),
    **{topic: tuple(kinds) for topic, kinds in changes.KINDS.items()},
    **{topic: tuple(kinds) for topic, kinds in conversations.KINDS.items()},
    "agent.created": ("created",),
    "agent.updated": ("updated",),
}
LOWEST_ID, HIGHEST_ID = "0" * 24, "f" * 24
#: So many people are in a conversation at the same moment, while an account is being filled.
TALKING = 200


class History:
    """Have things happen at Zenvia, at any time, without a webhook: as while the site was down."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()

    def happen(
        self,
        topic: str,
        kind: str | None = None,
        /,
        *,
        at: datetime | None = None,
        prospect_id: str | None = None,
        **fields: Any,
    ) -> Envelope:
        """Have one thing happen, and return the webhook that Zenvia would post: hand it to `Sandbox.deliver`, or don't.

        `topic` is canonical, `kind` one of its `KINDS` (a phone or not at random, for a lead). `at` is when (aware;
        default: now), and tells the order of events as well as the id. It is about the prospect of that id, else about
        the newest that is not archived, else about a new one; `fields` (JSON keys) go over the object that it is about.

        Raises ValueError for an unknown topic or kind, LookupError for an unknown prospect.
        """
        if kind is not None and kind not in KINDS.get(topic, (kind,)):
            raise ValueError(
                _("%(topic)s has no kind %(kind)r: choose from %(kinds)s.")
                % {"topic": topic, "kind": kind, "kinds": ", ".join(KINDS[topic])}
            )
        if topic not in KINDS:
            raise ValueError(
                _("The sandbox can't make %(topic)r happen: choose from %(topics)s.")
                % {"topic": topic, "topics": ", ".join(KINDS)}
            )
        moment = in_milliseconds(at) if at else now_in_milliseconds()
        with self.store.lock:
            change = self._change(topic, kind, moment, prospect_id)
            if fields and not isinstance(change.about, Agent):
                change.about.fields = {**(change.about.fields or {}), **fields}
            written = envelope(change)
        if isinstance(change.about, Agent):
            written["agent"] |= fields
        return written

    def fill(
        self,
        since: datetime,
        until: datetime,
        *,
        leads: int = 0,
        messages: int = 0,
        quotes: int = 0,
        each: Callable[[Envelope], object] | None = None,
    ) -> None:
        """Have much happen, in order and evenly spread over a span of time.

        Of the leads one in ten is by a known person (merged into the prospect), one in ten has neither phone nor e-mail
        address. Of the messages three in five are inbound; each third quote is accepted, each third rejected, a minute
        later. `each` is called with the webhook of each, in the same order.
        """
        steps = ["message"] * messages + ["quote"] * quotes + ["lead"] * leads
        random.Random(len(steps)).shuffle(steps)
        pace = (until - since) / max(len(steps), 1)
        if leads:
            # Somebody must be there to write.
            first = steps.index("lead")
            steps[0], steps[first] = steps[first], steps[0]
        talking: list[Prospect] = []
        counts = dict.fromkeys(steps, 0)
        for number, step in enumerate(steps):
            counts[step] += 1
            at = in_milliseconds(since + pace * number)
            with self.store.lock:
                # Written at once: the next change of the same step may change the same object.
                written = [envelope(change) if each else None for change in self._step(step, at, counts[step], talking)]
            for one in written:
                if each and one:
                    each(one)

    def _step(self, step: str, at: datetime, count: int, talking: list[Prospect]) -> Iterator[Change]:
        if step == "lead":
            return self._ask(at, count, talking)
        return self._talk(at, count, talking) if step == "message" else self._offer(at, count, talking)

    def _change(self, topic: str, kind: str | None, at: datetime, prospect_id: str | None) -> Change:
        if topic == "lead.created":
            social = None if kind is None else kind == "social"
            return changes.created(changes.new_prospect(self.store, at, social=social))
        if topic.startswith("agent."):
            return changes.agent_changed(self.store, at, topic.partition(".")[2])
        makers = {**changes.KINDS, **conversations.KINDS}[topic]
        return makers[kind or next(iter(makers))](self.store, at, self._prospect(at, prospect_id))

    def _prospect(self, at: datetime, prospect_id: str | None) -> Prospect:
        if prospect_id is not None:
            found = self.store.prospects.get(prospect_id)
            if found is None:
                raise LookupError(_("The sandbox has no prospect %(id)r.") % {"id": prospect_id})
            return found
        newest_first = self.store.prospects.between(LOWEST_ID, HIGHEST_ID)
        # Of an archived one, a later event would bring it back.
        there = (one for one in newest_first if one.status != "archived" and one.created <= at)
        return next(there, None) or changes.new_prospect(self.store, at - timedelta(minutes=1), social=False)

    def _ask(self, at: datetime, asked: int, talking: list[Prospect]) -> Iterator[Change]:
        if asked % 10 == 0 and talking:
            yield changes.asked_again(self.store, at, random.choice(talking))
            return
        made = changes.new_prospect(self.store, at, social=asked % 10 == 5)
        if len(talking) < TALKING:
            talking.append(made)
        else:
            talking[asked % TALKING] = made
        yield changes.created(made)

    def _talk(self, at: datetime, number: int, talking: list[Prospect]) -> Iterator[Change]:
        prospect = self._somebody(at, talking)
        performer = "integration" if number % 5 < 3 else "agent"
        attachment = "IMAGE" if number % 10 == 7 else None
        yield conversations.message(self.store, at, prospect, performer=performer, attachment=attachment)

    def _offer(self, at: datetime, offered: int, talking: list[Prospect]) -> Iterator[Change]:
        prospect = self._somebody(at, talking)
        yield changes.quoted(self.store, at, prospect)
        decide = (None, changes.accepted, changes.rejected)[offered % 3]
        if decide:
            yield decide(self.store, at + timedelta(minutes=1), prospect)

    def _somebody(self, at: datetime, talking: list[Prospect]) -> Prospect:
        if not talking:
            # Who had asked before this span began.
            talking.append(self.store.prospects.newest or changes.new_prospect(self.store, at - timedelta(days=1)))
        return random.choice(talking)
