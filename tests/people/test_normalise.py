"""Numbers as people, address books, WhatsApp and Zenvia write them."""

from __future__ import annotations

import hypothesis
import phonenumbers
import pytest
from hypothesis import strategies

from zenvia_webhooks.people.normalise import asked_phones, normal_email, stored_phone

REGIONS = ("BR", "AR", "MX")

#: A number's normal form → how it is written with its country's code, and how without.
NOTATIONS: dict[str, tuple[list[str], list[str]]] = {
    # A mobile of São Paulo, which had eight digits until 2012.
    "+5511987654321": (
        [
            "+55 11 98765-4321",
            "+5511987654321",
            "5511987654321",
            "+55 (11) 98765.4321",
            "+55 (0)11 98765 4321",
            "00 55 11 98765-4321",
            "+55 11 8765-4321",
            "551187654321",
            "tel:+55-11-98765-4321",
            "whatsapp:+5511987654321",
            "5511987654321@c.us",
            "551187654321@s.whatsapp.net",
            "\u202a+55 11 98765\u20114321\u202c",
            "(+55) 11 98765-4321",
            "\uff0b55 11 98765\uff0d4321",
            "+55 (0xx11) 98765-4321",
        ],
        [
            "(0XX11) 98765-4321",
            "0xx 11 8765-4321",
            "(11) 98765-4321",
            "11 8765-4321",
            "011 98765-4321",
            "0 15 11 98765-4321",
        ],
    ),
    # A mobile of Santa Maria, whose area code is the country's.
    "+5555987654321": (
        ["+55 55 98765-4321", "5555987654321", "555587654321", "+55 (55) 8765-4321", "0055 55 98765 4321"],
        ["55 98765-4321", "(55) 8765-4321", "055 98765-4321", "55987654321", "0 21 55 98765-4321"],
    ),
    # A landline of São Paulo: nothing is inserted.
    "+551132345678": (
        ["+55 11 3234-5678", "551132345678", "+55 (11) 32345678", "0055 11 3234 5678", "+55 011 3234-5678"],
        ["(11) 3234-5678", "1132345678", "011 3234-5678", "0 21 11 3234-5678", "11 3234 5678 ramal 12"],
    ),
    # Freephone, shared cost, premium.
    "+558001234567": (["+55 800 123 4567", "558001234567"], ["0800 123 4567", "800 1234567", "0800-123-4567"]),
    "+5540041234": (["+55 4004-1234"], ["4004-1234", "4004 1234"]),
    "+553001234567": (["+55 300 123 4567"], ["0300 123 4567"]),
    # A mobile of Buenos Aires: 9 from abroad, 15 at home.
    "+541123456789": (
        [
            "+54 9 11 2345-6789",
            "5491123456789",
            "+54 11 2345-6789",
            "541123456789",
            "+54 11 15 2345-6789",
            "+54 9 11 15 2345-6789",
            "+54 0 11 15 2345 6789",
            "0054 9 11 2345 6789",
            "whatsapp:+5491123456789",
        ],
        ["011 15 2345-6789", "11 15 2345-6789", "(011) 2345-6789", "9 11 2345-6789", "11 2345 6789"],
    ),
    # One of Río Gallegos, with an area code of four digits.
    "+542966412345": (
        ["+54 9 2966 41-2345", "5492966412345", "542966412345", "+54 2966 15 412345", "+54 9 2966 15 412345"],
        ["02966 15 41-2345", "2966 15 412345", "02966 412345", "2966 412345", "(02966) 15-412345"],
    ),
    # A landline of Córdoba.
    "+543514123456": (
        ["+54 351 412-3456", "543514123456", "+54 (0351) 412-3456", "0054 351 4123456"],
        ["0351 412-3456", "351 4123456", "(0351) 4123456"],
    ),
    "+548003331234": (["+54 800 333 1234"], ["0800 333 1234", "0800-333-1234"]),
    "+546001234567": (["+54 600 123 4567"], ["0600 123 4567"]),
    # A mobile of Mexico City: 1 from abroad until 2019, 044 and 045 at home.
    "+525512345678": (
        [
            "+52 1 55 1234 5678",
            "5215512345678",
            "+52 55 1234 5678",
            "525512345678",
            "00 52 1 55 1234 5678",
            "+52 (1) 55-1234-5678",
            "+52 044 55 1234 5678",
            "+52 01 55 1234 5678",
            "5215512345678@c.us",
        ],
        ["55 1234 5678", "044 55 1234 5678", "045 55 1234 5678", "01 55 1234 5678", "(55) 1234-5678"],
    ),
    # A landline of Monterrey.
    "+528183456789": (
        ["+52 81 8345 6789", "528183456789", "+52 1 81 8345 6789", "0052 81 8345 6789"],
        ["81 8345 6789", "01 81 8345 6789", "(81) 8345-6789"],
    ),
    "+528001234567": (["+52 800 123 4567"], ["01 800 123 4567", "800 123 4567"]),
    "+529001234567": (["+52 900 123 4567"], ["01 900 123 4567", "900 123 4567"]),
    # Of countries without rules of ours.
    "+12125552368": (["+1 212 555 2368", "001 212 555 2368", "12125552368"], []),
    "+351912345678": (["+351 912 345 678", "351912345678"], []),
}
NO_COUNTRY_OF = {"+55": "BR", "+54": "AR", "+52": "MX"}


def with_code() -> list[tuple[str, str]]:
    return [(number, written) for number, (abroad, _home) in NOTATIONS.items() for written in abroad]


def without_code() -> list[tuple[str, str]]:
    return [(number, written) for number, (_abroad, home) in NOTATIONS.items() for written in home]


@pytest.mark.parametrize(("number", "written"), with_code())
def test_with_its_countrys_code_a_number_is_one_in_any_notation(number: str, written: str) -> None:
    assert stored_phone(written, REGIONS) == number
    assert asked_phones(written, REGIONS) == {number}


@pytest.mark.parametrize(("number", "written"), without_code())
def test_without_it_a_number_is_read_by_each_region(number: str, written: str) -> None:
    region = NO_COUNTRY_OF[number[:3]]
    assert stored_phone(written, [region]) == number
    assert number in asked_phones(written, REGIONS)


def test_stored_is_the_first_region_that_makes_it_valid_and_asked_is_every_one() -> None:
    assert stored_phone("11 2345-6789", ["BR", "AR"]) == "+551123456789"
    assert stored_phone("11 2345-6789", ["AR", "BR"]) == "+541123456789"
    # No Brazilian number begins so.
    assert stored_phone("044 55 1234 5678", REGIONS) == "+525512345678"
    assert asked_phones("11 2345-6789", REGIONS) == {"+551123456789", "+541123456789"}
    assert asked_phones("800 123 4567", REGIONS) == {"+558001234567", "+548001234567", "+528001234567"}
    assert asked_phones("11 2345-6789", []) == set()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "123",
        "190",
        "12345",
        "+55",
        "+55 11",
        "+55 20 98765-4321",
        "98765-4321",
        "15 2345",
        "+54 15 2345 6789",
        "+52 55 1234 567",
        "+55 11 98765-43210",
        "+55 11 98765-4321 / 11 91234-5678",
        "11 98765-4321 11 91234-5678",
        "+55 +11 98765-4321",
        "00000000000",
        "99999999999999999999",
        "0" * 10_000,
        "5f3b1c0de5f3b1c0de5f3b1c",
        "ana11987654321@example.com",
        "Ana 11 98765-4321",
        "11987654321a",
        "0800 FLOWERS",
        "1" * 64,
        "\x00",
        "\ud800",
        "\u0661\u0661",
    ],
)
def test_what_is_no_number_is_no_phone(text: str) -> None:
    assert stored_phone(text, REGIONS) is None
    assert asked_phones(text, REGIONS) == set()


@pytest.mark.parametrize(("number", "written"), with_code())
def test_a_neighbours_number_does_not_match(number: str, written: str) -> None:
    for place in range(4, len(number)):
        neighbour = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        assert asked_phones(neighbour, REGIONS).isdisjoint(asked_phones(written, REGIONS)), neighbour


#: Subscribers by construction: what the rules make one is one here.
BRAZILIAN = strategies.from_regex(r"\A(?:1[1-9]|2[1248]|[3-9][1-57-9])(?:9[6-9][0-9]{7}|[2-5][0-9]{7})\Z")
ARGENTINE = strategies.from_regex(r"\A(?:11[2-8]|351[4-7]|2966[45]|3414|2614)[0-9]{7}\Z").map(
    lambda digits: digits[:10]
)
MEXICAN = strategies.from_regex(r"\A(?:55[1-8]|33[1-4]|81[128]|656|999|222)[0-9]{7}\Z").map(lambda digits: digits[:10])
SUBSCRIBERS = strategies.one_of(
    strategies.tuples(strategies.just("55"), BRAZILIAN),
    strategies.tuples(strategies.just("54"), ARGENTINE),
    strategies.tuples(strategies.just("52"), MEXICAN),
)


def is_there(subscriber: tuple[str, str]) -> bool:
    country, national = subscriber
    return phonenumbers.is_valid_number(
        phonenumbers.PhoneNumber(country_code=int(country), national_number=int(national))
    )


def spellings(subscriber: tuple[str, str]) -> list[str]:
    country, national = subscriber
    forms = [national]
    if country == "55" and len(national) == 11:
        forms.append(national[:2] + national[3:])
    if country == "54":
        forms.append("9" + national)
    if country == "52":
        forms += ["1" + national, "01" + national, "044" + national]
    return [prefix + country + form for form in forms for prefix in ("+", "", "00", "whatsapp:+")]


@hypothesis.settings(max_examples=40, deadline=None, database=None)
@hypothesis.given(SUBSCRIBERS.filter(is_there), SUBSCRIBERS.filter(is_there))
def test_different_numbers_never_share_a_normal_form(one: tuple[str, str], other: tuple[str, str]) -> None:
    for subscriber in (one, other):
        assert {stored_phone(text, REGIONS) for text in spellings(subscriber)} == {f"+{''.join(subscriber)}"}
    asked = [set().union(*(asked_phones(text, REGIONS) for text in spellings(person))) for person in (one, other)]
    assert asked[0].isdisjoint(asked[1]) == (one != other)


@hypothesis.settings(max_examples=200, deadline=None, database=None)
@hypothesis.given(strategies.text(alphabet=strategies.sampled_from("0123456789+() -.x/@\u202a"), max_size=70))
def test_whatever_is_stored_is_found_by_what_was_stored_and_by_its_own_form(text: str) -> None:
    stored = stored_phone(text, REGIONS)
    if stored is not None:
        assert stored in asked_phones(text, REGIONS)
        # A normal form is its own.
        assert asked_phones(stored, REGIONS) == {stored}
        assert stored_phone(stored.removeprefix("+"), ()) == stored


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ana.Paz@Example.COM\n", "ana.paz@example.com"),
        ("joão@exämple.com", "joão@exämple.com"),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ("ana", None),
        ("@example.com", None),
        ("ana@", None),
        ("ana paz@example.com", None),
        ("", None),
    ],
)
def test_address_is_trimmed_and_in_lower_case(text: str, address: str | None) -> None:
    assert normal_email(text) == address
