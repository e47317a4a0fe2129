"""The calls of the Zenvia Conversion API about prospects: what happened, as lists and one by one (ZENVIA.md 2, 3)."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from zenvia_webhooks.sandbox import conversations
from zenvia_webhooks.sandbox.listing import BadQuery, Listing, Query, read_query, select
from zenvia_webhooks.sandbox.messages import Reply, Request, error_reply, json_reply, not_allowed
from zenvia_webhooks.sandbox.object_ids import is_object_id, now_in_milliseconds
from zenvia_webhooks.sandbox.objects import DELIVERED_AFTER, interaction_json, prospect_json, quote_json
from zenvia_webhooks.sandbox.reading import is_printable, json_object
from zenvia_webhooks.sandbox.records import Change, Interaction, Prospect, Quote
from zenvia_webhooks.sandbox.store import Shelf, Store

ROOT = "/v1/prospects"
#: Singular, unlike the lists'.
SINGLE = "/v1/prospect/"


class _Kind(NamedTuple):
    """A kind of object that is listed."""

    shelf: Callable[[Store], Shelf[Any]]
    #: What it can be asked for by, besides its creation: the "accepted" of `acceptedAfter`.
    dates: Sequence[str]
    matches: Callable[[Any, Query], bool]
    as_json: Callable[[Any], dict[str, Any]]


def speaks(request: Request) -> bool:
    """Tell whether a request is for one of these calls."""
    return request.route == ROOT or request.route.startswith((f"{ROOT}/", SINGLE))


class Prospects:
    """Answers from a store. Its objects are those of the webhooks."""

    def __init__(self, store: Store) -> None:
        self.listing = Listing()
        self._store = store
        self._turns = itertools.count()

    def answer(self, request: Request) -> Reply:
        """Answer one call: 404 for an unknown path or object, 405, 400 for a query or id of no such form; else 200."""
        parts = request.route.removeprefix("/v1/").split("/")
        if request.method == "POST" and request.route.startswith(SINGLE) and parts[2:] == ["interactions"]:
            return self._write(request, parts[1])
        if request.method != "GET":
            return not_allowed(request, "GET")
        if request.route.startswith(SINGLE):
            return self._single(parts[1], parts[2:])
        kind = LISTS.get("/".join(parts))
        return _not_found("path") if kind is None else self._list(request, kind)

    def _list(self, request: Request, kind: _Kind) -> Reply:
        now, listing = datetime.now(UTC), self.listing
        try:
            query = read_query(dict(parse_qsl(urlsplit(request.path).query)), ("created", *kind.dates), now)
        except BadQuery as error:
            return error_reply(400, "SCHEMA_VALIDATION_FAILED", str(error))
        with self._store.lock:
            page = select(kind.shelf(self._store), query, kind.matches, listing, now=now, turn=next(self._turns))
            shown = [kind.as_json(one) for one in page]
        return json_reply(200, shown)

    def _single(self, prospect_id: str, rest: list[str]) -> Reply:
        if not is_object_id(prospect_id):
            return error_reply(400, "UNEXPECTED_ERROR", "Invalid prospectId")
        with self._store.lock:
            prospect = self._store.prospects.get(prospect_id)
            if prospect is None:
                return _not_found("prospect")
            if not rest:
                return json_reply(200, prospect_json(prospect))
            plural = rest[0] if len(rest) == 1 else f"{rest[0]}s"
            kind = LISTS.get(f"prospects/{plural}")
            if kind is None or len(rest) > 2:
                return _not_found("path")
            shelf = kind.shelf(self._store)
            if len(rest) == 2:
                one = shelf.get(rest[1])
                found = one is not None and one.prospect_id == prospect_id
                return json_reply(200, kind.as_json(one)) if found else _not_found(rest[0])
            # All of them, oldest first, unlike the list of the whole account.
            of_prospect = shelf.between("", "g", oldest_first=True)
            return json_reply(200, [kind.as_json(one) for one in of_prospect if one.prospect_id == prospect_id])

    def _write(self, request: Request, prospect_id: str) -> Reply:
        """Add a note or a message of the integration's own; no webhook follows."""
        value = json_object(request)
        if isinstance(value, Reply):
            return value
        write, content = WRITERS.get(str(value.get("type"))), value.get("content")
        if write is None or not is_printable(content):
            return error_reply(400, "SCHEMA_VALIDATION_FAILED", "'type' must be note or message, 'content' a text.")
        with self._store.lock:
            prospect = self._store.prospects.get(prospect_id)
            if prospect is None:
                # Here alone Zenvia's 404 has no body.
                return Reply(status=404)
            made: Any = write(self._store, now_in_milliseconds(), prospect, text=content).about
            return json_reply(200, [interaction_json(made)])


def _not_found(what: str) -> Reply:
    return error_reply(404, "NOT_FOUND", f"There is no such {what}.")


def _prospect_matches(prospect: Prospect, query: Query) -> bool:
    wanted = query.filters
    with_agent = {"true": True, "false": False}.get(wanted.get("withAgent", ""))
    return (
        wanted.get("status") in (None, prospect.status)
        and wanted.get("agent") in (None, prospect.agent and prospect.agent.id)
        and with_agent in (None, prospect.agent is not None)
    )


def _interaction_matches(interaction: Interaction, query: Query) -> bool:
    wanted = query.filters
    return wanted.get("via") in (None, interaction.via) and (
        wanted.get("agent") in (None, interaction.agent and interaction.agent.id)
    )


def _quote_matches(quote: Quote, query: Query) -> bool:
    moments = {"accepted": quote.accepted_at, "rejected": quote.rejected_at}
    spans = [(moments[name], span) for name, span in query.windows.items() if name in moments]
    inside = all(moment is not None and start <= moment <= end for moment, (start, end) in spans)
    return inside and query.filters.get("status") in (None, quote.status)


def _as_listed(interaction: Interaction) -> dict[str, Any]:
    return interaction_json(interaction, settled=datetime.now(UTC) - interaction.created_at >= DELIVERED_AFTER)


LISTS = {
    "prospects": _Kind(lambda store: store.prospects, (), _prospect_matches, prospect_json),
    "prospects/interactions": _Kind(lambda store: store.interactions, (), _interaction_matches, _as_listed),
    "prospects/quotes": _Kind(lambda store: store.quotes, ("accepted", "rejected"), _quote_matches, quote_json),
}
WRITERS: dict[str, Callable[..., Change]] = {
    "note": conversations.note,
    "message": functools.partial(conversations.message, performer="bot"),
}
