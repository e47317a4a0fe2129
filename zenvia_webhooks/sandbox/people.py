"""Invented people of three countries, whom nothing reaches: name, number, address and language belong together."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import functools
import random
import unicodedata
from typing import NamedTuple

from django.utils.translation import gettext as _


class Country(NamedTuple):
    #: Seven digits follow, and make a mobile number of the country's form. No subscriber's number begins with the
    #: zero at their end (in Brazil with "90"), so that a receiver under development never writes to somebody real.
    phone_prefixes: tuple[str, ...]
    currency: str
    #: "pt" or "es".
    language: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


BRAZIL = Country(
    ("+551190", "+552190", "+553190", "+554190", "+555190", "+556190", "+557190", "+558190"),
    "BRL",
    "pt",
    ("João", "Ana", "Mariana", "Thiago", "Conceição", "Luís", "Beatriz", "Otávio", "Lívia", "Caio", "Inês"),
    ("Silva", "Souza", "Araújo", "Gonçalves", "Lima", "Magalhães", "Assunção", "Nunes", "Ferrão"),
)
ARGENTINA = Country(
    ("+549110",),
    "ARS",
    "es",
    ("Martín", "Sofía", "Joaquín", "Lucía", "Agustín", "Belén", "Facundo", "Camila", "Ramiro", "Malena", "Iara"),
    ("Paz", "Fernández", "Núñez", "Romero", "Giménez", "Acuña", "Sosa", "Benítez", "Quiroga"),
)
MEXICO = Country(
    ("+52550", "+52330", "+52810"),
    "MXN",
    "es",
    ("José", "Guadalupe", "Ximena", "Andrés", "Fernanda", "Raúl", "Itzel", "Emiliano", "Renata", "Iván", "Citlali"),
    ("Hernández", "Muñoz", "Ramírez", "Peña", "Cruz", "Ibáñez", "Zepeda", "Cárdenas", "Villaseñor"),
)
#: Of ten people in a row.
MIX = (BRAZIL, ARGENTINA, BRAZIL, MEXICO, BRAZIL, BRAZIL, ARGENTINA, BRAZIL, MEXICO, BRAZIL)
#: Reserved names (RFC 2606): mail to them reaches nobody.
MAIL_DOMAINS = ("example.com", "example.org", "example.net")
#: So many people differ from each other.
MOST_PEOPLE = 10**7
#: A reserved name, too.
TEST_ADDRESS = "test@example.com"
#: Whose name says that nobody should call: see `invent_person`.
TEST_PERSON = 0


class Person(NamedTuple):
    first_name: str
    last_name: str
    email: str
    #: E.164, with "+".
    phone: str
    #: The id by which Facebook and Instagram know the person: 16 digits.
    social_id: str
    country: Country

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def invent_person(number: int | None = None) -> Person:
    """Make somebody up; the same number is always the same person. Another number below MOST_PEOPLE is another.

    TEST_PERSON is who test events are about: the name, in the present language, tells salespeople what to make of it.
    """
    if number == TEST_PERSON:
        said = _("Test"), _("(do not call)")
        return _person(TEST_PERSON)._replace(first_name=said[0], last_name=said[1], email=TEST_ADDRESS)
    return _person(random.randrange(MOST_PEOPLE) if number is None else number % MOST_PEOPLE)


# An object names its person several times, and the same few agents over and over.
@functools.lru_cache(maxsize=1024)
def _person(number: int) -> Person:
    # Neighbours must not share a name. A factor without a common divisor keeps different numbers different.
    country, rest = MIX[number % len(MIX)], number * 7_368_787 % MOST_PEOPLE
    first = country.first_names[rest % len(country.first_names)]
    last = country.last_names[rest // len(country.first_names) % len(country.last_names)]
    prefix = country.phone_prefixes[rest % len(country.phone_prefixes)]
    return Person(
        first_name=first,
        last_name=last,
        email=_ascii(f"{first}.{last}{number}@{MAIL_DOMAINS[rest % len(MAIL_DOMAINS)]}").lower(),
        phone=f"{prefix}{rest:07}",
        social_id=f"{10**15 + number}",
        country=country,
    )


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
