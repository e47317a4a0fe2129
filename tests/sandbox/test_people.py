"""Invented people: of three countries in a mix, each of a piece, and out of everybody's reach."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from zenvia_webhooks.sandbox.people import ARGENTINA, BRAZIL, MEXICO, TEST_PERSON, invent_person

#: Country → its mobile numbers' form, with the zero that no subscriber's number begins with.
MOBILE = {
    BRAZIL: r"\+55[1-9]{2}90\d{7}",
    ARGENTINA: r"\+549110\d{7}",
    MEXICO: r"\+52(55|33|81)0\d{7}",
}


def test_a_person_is_of_one_country() -> None:
    for number in range(TEST_PERSON + 1, 5000):
        person = invent_person(number)
        assert person.first_name in person.country.first_names
        assert person.last_name in person.country.last_names
        assert re.fullmatch(MOBILE[person.country], person.phone)
        first = unicodedata.normalize("NFKD", person.first_name).encode("ascii", "ignore").decode().lower()
        assert re.fullmatch(first + r"\.[a-z]+\d+@example\.(com|org|net)", person.email)


def test_people_differ_and_are_the_same_again() -> None:
    people = [invent_person(number) for number in range(0, 10_000_000, 1000)]
    for one in ("phone", "email", "social_id"):
        assert len({getattr(person, one) for person in people}) == 10_000
    assert invent_person(7) == invent_person(7) == invent_person(10_000_007)
    # Neighbours, too.
    assert len({invent_person(number).name for number in range(100)}) > 60


def test_six_of_ten_are_of_brazil() -> None:
    counts = Counter(invent_person(number).country for number in range(1000))
    assert [counts[country] for country in (BRAZIL, ARGENTINA, MEXICO)] == [600, 200, 200]
