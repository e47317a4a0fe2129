from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from zenvia_webhooks.contracts import conversion, help_center
from zenvia_webhooks.contracts.listing import MAX_PAGE_BYTES, ObjectList, timestamp

LEADS, INTERACTIONS, QUOTES, ACCEPTED, REJECTED = conversion.LISTS
MOMENT = datetime(2026, 3, 10, 13, 7, 31, 204000, tzinfo=UTC)
LEAD = {"id": "69af014baa00aa11aa22aa01", "created": "2026-03-10T13:07:31.204Z", "firstName": "Ana"}
QUOTE = {"id": "q1", "prospectId": LEAD["id"], "status": "accepted", "createdAt": "2026-03-01T00:00:00.000Z"}


def test_help_center_has_no_lists() -> None:
    assert help_center.LISTS == ()
    assert help_center.lead_call("1") is None


@pytest.mark.parametrize(
    ("of", "path", "date"),
    [
        (LEADS, "/prospects", "created"),
        (INTERACTIONS, "/prospects/interactions", "created"),
        (QUOTES, "/prospects/quotes", "created"),
        (ACCEPTED, "/prospects/quotes", "accepted"),
        (REJECTED, "/prospects/quotes", "rejected"),
    ],
)
def test_calls(of: ObjectList, path: str, date: str) -> None:
    call = of.call(MOMENT, MOMENT + timedelta(hours=1), before="abc")
    assert (call.method, call.path, call.max_answer_bytes) == ("GET", path, MAX_PAGE_BYTES)
    assert call.params == {
        f"{date}After": "2026-03-10T13:07:31.204Z",
        f"{date}Before": "2026-03-10T14:07:31.204Z",
        "limit": "1000",
        "before": "abc",
    }
    # What messages call it has no query.
    assert call.name == f"GET {path}"
    assert "before" not in of.call(MOMENT, MOMENT).params


def test_a_lead_is_asked_for_by_its_id() -> None:
    call = conversion.lead_call("a/b")
    assert call is not None
    assert call.path == "/prospect/a%2Fb"


def test_a_page_is_read() -> None:
    [lead] = LEADS.read([LEAD])
    assert (lead.id, lead.lead_id, lead.created_at, lead.happened_at) == (LEAD["id"], LEAD["id"], MOMENT, MOMENT)
    [quote] = ACCEPTED.read([{**QUOTE, "acceptedAt": "2026-03-10T13:07:31.204Z"}])
    assert (quote.id, quote.lead_id, quote.status, quote.happened_at) == ("q1", LEAD["id"], "accepted", MOMENT)
    assert quote.created_at < quote.happened_at


@pytest.mark.parametrize(
    "reply",
    [
        *({}, None, "[]", [None], [{}], [{"id": "1"}]),
        *([{**LEAD, **odd}] for odd in ({"id": ""}, {"id": "a\x1b[2J"}, {"id": "x" * 300}, {"created": "yesterday"})),
    ],
)
def test_what_is_no_page_is_refused_without_a_word_of_it(reply: object) -> None:
    with pytest.raises(ValueError, match="leads") as caught:
        LEADS.read(reply)
    assert "Ana" not in str(caught.value)


def test_a_quote_without_the_date_that_it_was_asked_for_by_is_refused() -> None:
    with pytest.raises(ValueError, match="acceptedAt"):
        ACCEPTED.read([QUOTE])


@pytest.mark.parametrize(
    ("of", "item", "is_new", "topic"),
    [
        (LEADS, LEAD, True, "lead.created"),
        (LEADS, {**LEAD, "status": "archived"}, True, "lead.created"),
        (INTERACTIONS, {**QUOTE, "id": "i1"}, True, "interaction.created"),
        (QUOTES, QUOTE, True, "quote.created"),
        (ACCEPTED, {**QUOTE, "acceptedAt": "2026-03-10T13:07:31.204Z"}, False, "quote.updated"),
    ],
)
def test_the_envelope_is_read_as_its_webhooks_is(
    of: ObjectList, item: dict[str, Any], is_new: bool, topic: str
) -> None:
    [one] = of.read([item])
    wire = conversion.wire_topic(f"{of.resource}.created", {})
    envelope = of.envelope(one, LEAD, wire_topic=wire, is_new=is_new)
    assert conversion.recognise(envelope)
    notification = conversion.read_notification(envelope, {}, ("resolved",))
    assert (notification.topic, notification.occurred_at) == (topic, one.happened_at)
    assert conversion.data(envelope) == item
    lead = conversion.lead(topic, envelope)
    assert lead is not None
    assert (lead.lead_id, lead.name) == (LEAD["id"], "Ana")
    assert conversion.object_id(topic, envelope) == f"{of.resource}:{item['id']}"


def test_a_message_of_nobody_known_is_read_all_the_same() -> None:
    [one] = INTERACTIONS.read([{**QUOTE, "id": "i1"}])
    envelope = INTERACTIONS.envelope(one, None, wire_topic="interactions", is_new=True)
    lead = conversion.lead("interaction.created", envelope)
    assert lead is not None
    assert (lead.lead_id, lead.name) == (LEAD["id"], None)
    assert envelope["operationId"] == "i1"


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert timestamp(MOMENT.astimezone(timezone(timedelta(hours=-3)))) == "2026-03-10T13:07:31.204Z"
