"""Lead and quote of the contract `conversion`, and what is chosen where an envelope contradicts itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support.webhooks import conversion_envelope
from zenvia_webhooks.contracts import conversion
from zenvia_webhooks.contracts.values import (
    Interaction,
    Lead,
    NationalId,
    Quote,
    QuoteItem,
    SocialId,
)

# Lead


def lead_of(**prospect: Any) -> Lead:
    envelope = conversion_envelope("prospects")
    envelope["prospect"] = {**envelope["prospect"], **prospect}
    found = conversion.lead("lead.created", envelope)
    assert found is not None
    return found


def test_source_is_that_of_the_last_of_several_leads_which_is_the_newest() -> None:
    found = conversion.lead("lead.archived", conversion_envelope("assumed-prospect-archived"))
    assert found is not None
    assert (found.source, found.medium, found.campaign) == ("WHATSAPP", "ctwa", "120200000000000001")
    assert found.comments == "Anúncio de março"


def test_of_two_leads_with_the_same_time_the_last_is_taken_as_zenvia_lists_the_oldest_first() -> None:
    asked = {"created": "2026-03-09T17:20:11.639Z", "campaign": "one"}
    assert lead_of(leads=[asked, {**asked, "campaign": "two"}]).campaign == "two"
    # Also if the times say otherwise: the order is Zenvia's, the times are its providers'.
    assert lead_of(leads=[asked, {"created": "2020-01-01T00:00:00Z", "campaign": "two"}]).campaign == "two"


def test_a_newer_lead_has_nothing_of_an_older_one() -> None:
    found = lead_of(leads=[{"source": "FACEBOOK", "campaign": "one"}, {"source": "WHATSAPP"}, "odd"])
    assert (found.source, found.campaign) == ("WHATSAPP", None)


def test_names_of_the_present_go_before_those_of_marketing() -> None:
    asked = {"utmSource": "INSTAGRAM", "utmMedium": "cpc", "medium": "ctwa", "utmCampaign": "c"}
    found = lead_of(leads=[asked])
    assert (found.source, found.medium, found.campaign) == ("INSTAGRAM", "ctwa", "c")


def test_a_lead_without_phone_and_e_mail_has_a_handle() -> None:
    found = lead_of()
    assert (found.phones, found.emails) == ((), ())
    assert found.social_ids == (SocialId(type="instagram", id="1000000000000001"),)


def test_mediums_that_are_no_handle_are_left_out() -> None:
    mediums = [
        {"type": "phone", "mediumId": "1"},
        {"type": "facebook"},
        {"mediumId": "2"},
        5,
        {"type": "x", "mediumId": 7},
    ]
    assert lead_of(contactMediums=mediums).social_ids == (SocialId(type="x", id="7"),)


def test_national_ids_without_a_number_are_left_out() -> None:
    nin = [{"_id": "1", "type": "DNI"}, {"type": "CPF", "number": "00000000191"}, {"number": 20}]
    expected = (NationalId(type="CPF", number="00000000191"), NationalId(number="20"))
    assert lead_of(nin=nin).national_ids == expected


def test_product_is_as_it_came() -> None:
    product = {"make": "Caloi", "price": {"amount": 1899.9, "currency": "BRL"}}
    assert lead_of(leads=[{"product": product}]).product == product
    odd: tuple[Any, ...] = ({}, [], "bike", None)
    assert [lead_of(leads=[{"product": value}]).product for value in odd] == [None] * 4
    hash(lead_of(leads=[{"product": product}]))


def test_group_may_be_an_object() -> None:
    found = lead_of(group={"id": "1", "name": "Loja"}, groupId=None)
    assert (found.group, found.group_id) == ("Loja", "1")


def test_label_reason_and_creation_are_read() -> None:
    found = lead_of(label="hot", archivingReason="converted")
    assert (found.label, found.archiving_reason) == ("hot", "converted")
    assert found.created_at == datetime(2026, 3, 10, 15, 31, 2, 887000, tzinfo=UTC)


# Quote


def test_items_of_a_quote_are_read_each_as_far_as_it_can_be() -> None:
    envelope = conversion_envelope("quotes")
    envelope["quote"]["items"] = [{"quantity": "2", "price": "9.90", "concept": "Plan", "code": 7}, None, {"price": []}]
    envelope["quote"]["rejectedAt"] = "2026-03-13T09:00:00Z"
    found = conversion.quote("quote.updated", envelope)
    assert found is not None
    first = QuoteItem(quantity=Decimal(2), price=Decimal("9.90"), concept="Plan", code="7")
    assert found.items == (first, QuoteItem())
    assert found.rejected_at == datetime(2026, 3, 13, 9, tzinfo=UTC)


def test_values_of_an_empty_envelope_are_empty_on_their_own_topic_and_nothing_elsewhere() -> None:
    assert conversion.lead("lead.created", {}) == Lead()
    assert conversion.quote("quote.updated", {}) == Quote()
    assert conversion.interaction("interaction.resolved", {}) == Interaction()
    assert conversion.lead("agent.created", {}) is None
    assert conversion.quote("lead.created", conversion_envelope("quotes")) is None
    assert conversion.interaction("lead.created", conversion_envelope()) is None
