from __future__ import annotations

import pytest

from zenvia_webhooks.contracts.summary import MAX_LENGTH, summary
from zenvia_webhooks.contracts.values import Lead, SocialId


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (None, ""),
        (Lead(), ""),
        (
            Lead(lead_id="65c2", name="Ana Paz", email="ana@mail.example", phone="+5511999998877"),
            "Ana Paz · +5511999998877",
        ),
        (Lead(name="Ana Paz", email="ana@mail.example"), "Ana Paz · ana@mail.example"),
        (Lead(social_ids=(SocialId(type="instagram", id="ana.paz"),)), "ana.paz"),
        (Lead(lead_id="65c2"), "65c2"),
        (Lead(name="A\r\nna\x1b"), "A\ufffd\ufffdna\ufffd"),
        (Lead(name="a" * 1000, phone="1" * 1000), f"{'a' * 98} · {'1' * 98}"),
    ],
)
def test_who_it_is_in_one_line(lead: Lead | None, expected: str) -> None:
    assert summary(lead) == expected
    assert len(expected) <= MAX_LENGTH
