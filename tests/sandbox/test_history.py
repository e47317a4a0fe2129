"""What happens at the stand-in Zenvia: at which time, to whom, and in which numbers."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zenvia_webhooks.sandbox.history import History
from zenvia_webhooks.sandbox.object_ids import ObjectIds, derived_id, is_object_id

NOON = datetime(2026, 3, 10, 12, 0, 0, 250_000, tzinfo=UTC)


def test_an_id_tells_when_and_in_which_order() -> None:
    ids = ObjectIds()
    moments = [NOON + timedelta(milliseconds=number // 3) for number in range(3000)]
    made = [ids.new(moment) for moment in moments]
    assert made == sorted(made)
    assert len(set(made)) == 3000
    later, earlier = ids.new(NOON + timedelta(milliseconds=1)), ids.new(NOON)
    assert earlier < later  # whatever the order of making them
    assert int(made[0][:8], 16) == int(NOON.timestamp())
    assert all(is_object_id(one) for one in made)
    assert derived_id(made[0], "1") != made[0]
    # Whatever the clock says.
    assert is_object_id(ids.new(datetime(1, 1, 1, tzinfo=UTC)))
    assert is_object_id(ids.new(datetime(9999, 1, 1, tzinfo=UTC)))


def test_a_thing_happens_at_its_time_to_the_newest_person() -> None:
    history = History()
    lead = history.happen("lead.created", "phone", at=NOON, firstName="Ana")
    assert (lead["updatedAt"], lead["prospect"]["created"]) == ("2026-03-10T12:00:00.250Z",) * 2
    later = history.happen("interaction.created", at=NOON + timedelta(hours=1))
    assert later["prospect"]["id"] == later["interaction"]["prospectId"] == lead["prospect"]["id"]
    assert later["prospect"]["firstName"] == "Ana"
    closed = history.happen("lead.archived", at=NOON + timedelta(hours=2), archivingReason="outOfStock")
    assert closed["prospect"]["archivingReason"] == "outOfStock"
    # Whoever is archived is left alone, unless named.
    other = history.happen("quote.created", at=NOON + timedelta(hours=3))
    assert other["prospect"]["id"] != lead["prospect"]["id"]
    back = history.happen("interaction.created", prospect_id=lead["prospect"]["id"], at=NOON + timedelta(hours=4))
    assert back["prospect"]["status"] == "followUp"
    assert lead["prospect"]["status"] in ("new", "unclaimed")  # what was sent stays as it was


def test_what_follows_an_archive_is_about_one_other_person() -> None:
    history = History()
    history.happen("lead.created")
    closed = history.happen("lead.archived")["prospect"]["id"]
    offered = history.happen("quote.created")["quote"]
    accepted = history.happen("quote.updated", "accepted")["quote"]
    said = history.happen("interaction.created")["interaction"]
    assert accepted["id"] == offered["id"]
    assert offered["prospectId"] == said["prospectId"] != closed


def test_the_same_quote_is_offered_and_accepted() -> None:
    history = History()
    offered, accepted = history.happen("quote.created"), history.happen("quote.updated", "accepted")
    assert offered["quote"]["id"] == accepted["quote"]["id"]
    assert (offered["quote"]["status"], accepted["quote"]["status"]) == ("pending", "accepted")
    assert history.happen("quote.updated", "rejected")["quote"]["id"] != accepted["quote"]["id"]


def test_a_person_of_a_social_network_is_written_to_by_its_id() -> None:
    history = History()
    lead = history.happen("lead.created", "social")["prospect"]
    message = history.happen("interaction.created", "outbound")["interaction"]
    medium = lead["contactMediums"][0]
    assert (message["via"], message["output"]["message"]["recipient"]) == (medium["type"], medium["mediumId"])
    assert "whatsAppDueAt" not in history.happen("interaction.created", "inbound")["prospect"]


@pytest.mark.parametrize(
    ("topic", "kind", "prospect_id", "error", "words"),
    [
        ("visit.booked", None, None, ValueError, "choose from lead.created, lead.updated"),
        ("interaction.created", "song", None, ValueError, "choose from inbound, outbound"),
        ("interaction.created", None, "f" * 24, LookupError, "no prospect"),
    ],
)
def test_what_cannot_happen_is_refused(
    topic: str, kind: str | None, prospect_id: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        History().happen(topic, kind, prospect_id=prospect_id)


def test_an_hour_is_filled_with_a_believable_mix() -> None:
    history, got = History(), list[dict[str, Any]]()
    history.fill(NOON, NOON + timedelta(hours=1), leads=500, messages=2000, quotes=50, each=got.append)
    topics = Counter((one["topic"], one["type"]) for one in got)
    assert topics["prospects", "created"] == 450
    assert topics["prospects", "updated"] == 50  # by a known person
    assert topics["interactions", "created"] == 2000
    assert topics["quotes", "created"] == 50
    assert topics["quotes", "updated"] == 34
    store = history.store
    assert (len(store.prospects), len(store.interactions), len(store.quotes)) == (450, 2000, 50)
    leads = [one["prospect"] for one in got if (one["topic"], one["type"]) == ("prospects", "created")]
    assert sum(not lead["phones"] and not lead["emails"] for lead in leads) == 50
    inbound = [one for one in got if "interaction" in one and not one["interaction"]["proactive"]]
    assert len(inbound) == 1200
    created = [one["updatedAt"] for one in got if one["type"] == "created"]
    assert created == sorted(created)
    assert created[0] == "2026-03-10T12:00:00.250Z"
    assert created[-1] < "2026-03-10T13:00:00.250Z"
    assert len({one["operationId"] for one in got}) == len(got)
