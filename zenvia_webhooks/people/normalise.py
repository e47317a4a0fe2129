"""One form for a phone number in any notation, and for an e-mail address: pure functions over text.

The library `phonenumbers` knows the plans of all countries, not what people write: numbers of before a change of plan,
as address books and WhatsApp keep them for ever. Those rules are here, for the three countries of Zenvia's that have
some; a number of any other country is read as the library reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber

#: Longer than any number with its punctuation.
MAX_LENGTH = 64

#: A number as people write it, with what some put before and after it. With other letters it is an id or a word.
_NOTATION = re.compile(
    r"(?:tel:|whatsapp:)?(?P<number>[+0-9().\s/\u2010-\u2015\u2212-]+)"
    r"(?:(?:;ext=|,|x|#|ext\.?|extension|ramal|int\.?|interno)\s*[0-9]{1,7})?(?:@c\.us|@s\.whatsapp\.net)?",
    re.IGNORECASE,
)
#: How Brazilians write a trunk zero, with any carrier's two digits after it: "(0xx11) 98765-4321".
_ANY_CARRIER = re.compile(r"\b0xx(?=[\s)]*[0-9]{2})", re.IGNORECASE)
#: What stood before a number in Mexico until 2019.
_MEXICAN_PREFIX = re.compile(r"(?:0(?:1|2|44|45)|1)(?=[0-9]{10}$)")


def stored_phone(text: str, regions: Iterable[str]) -> str | None:
    """Return the number that a text is, as E.164 without what a change of plan added ("+541123456789"), else None.

    Without a country code it is read in each of `regions` (ISO 3166: "BR"); the first that makes it valid counts.
    """
    return next(_readings(text, regions), None)


def asked_phones(text: str, regions: Iterable[str]) -> set[str]:
    """Return each number that a text may be, in the form of `stored_phone`: one for each region that makes it valid."""
    return set(_readings(text, regions))


def normal_email(text: str) -> str | None:
    """Return an e-mail address, trimmed and in lower case; None for what is none."""
    address = text.strip().lower()
    before, at, host = address.rpartition("@")
    return address if before and at and host and not re.search(r"\s", address) else None


def _readings(text: str, regions: Iterable[str]) -> Iterator[str]:
    digits = _digits(text)
    if digits is None:
        return
    if digits.startswith("+"):
        readings = [_read(digits, None)]
    else:
        readings = [_read(digits, region) for region in regions]
        if not any(readings):
            # A number of another country's as Zenvia's ids have it: with its code, without `+`.
            readings = [_read(f"+{digits}", None)]
    yield from (reading for reading in readings if reading)


def _digits(text: str) -> str | None:
    """Return a number's digits, behind a `+` where it has a country code by its notation; None where it is none."""
    # Address books wrap numbers into characters for the direction of text, which nobody sees.
    seen = "".join(letter for letter in text[: MAX_LENGTH + 1] if unicodedata.category(letter) != "Cf")
    found = _NOTATION.fullmatch(_ANY_CARRIER.sub("0", unicodedata.normalize("NFKC", seen).strip()))
    if found is None or len(text) > MAX_LENGTH:
        return None
    written = found["number"].strip()
    digits = re.sub("[^0-9]", "", written)
    if "+" in written.lstrip("(+"):
        return None
    if written.lstrip("(").startswith("+"):
        return f"+{digits}"
    # Not left to the library: in Brazil, `00 55` would be a carrier's prefix.
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def _read(digits: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    normalise = _OF_COUNTRY.get(number.country_code or 0)
    if normalise:
        national = normalise(phonenumbers.national_significant_number(number))
        if not national.isdecimal() or national.startswith("0"):
            return None
        number = PhoneNumber(country_code=number.country_code, national_number=int(national))
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _brazilian(national: str) -> str:
    """Insert the 9 that mobiles got from 2012 to 2016. Never drop one: half of São Paulo's would become landlines."""
    return national[:2] + "9" + national[2:] if len(national) == 10 and national[2] in "6789" else national


def _argentine(national: str) -> str:
    """Drop the 9, which stands for a mobile's 15 where it is called from abroad; one that has both loses both."""
    if len(national) not in (11, 13) or national[0] != "9":
        return national
    area_and_local = national[1:]
    if len(area_and_local) == 12:
        # With the 15 between the two; the library knows how long an area's code is, and makes it a 9.
        area_and_local = phonenumbers.national_significant_number(phonenumbers.parse(area_and_local, "AR"))[1:]
    return area_and_local


def _mexican(national: str) -> str:
    """Drop what stood before ten digits until 2019: the 1 from abroad, and 01, 02, 044, 045 at home."""
    return _MEXICAN_PREFIX.sub("", national)


_OF_COUNTRY: dict[int, Callable[[str], str]] = {55: _brazilian, 54: _argentine, 52: _mexican}
