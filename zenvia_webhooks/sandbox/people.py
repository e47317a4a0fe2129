"""Invented people, whom nothing reaches."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import random
import unicodedata
from typing import NamedTuple


class Country(NamedTuple):
    #: Four random digits follow. No subscriber's number begins with these zeros, so that a receiver under
    #: development never writes to a stranger.
    phone_prefix: str
    currency: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


COUNTRIES = (
    Country(
        "+551190000",
        "BRL",
        ("João", "Ana", "Mariana", "Thiago", "Conceição", "Luís"),
        ("Silva", "Souza", "Araújo", "Gonçalves", "Lima", "Magalhães"),
    ),
    Country(
        "+549110000",
        "ARS",
        ("Martín", "Sofía", "Joaquín", "Lucía", "Agustín", "Belén"),
        ("Paz", "Fernández", "Núñez", "Romero", "Giménez", "Acuña"),
    ),
    Country(
        "+52550000",
        "MXN",
        ("José", "Guadalupe", "Ximena", "Andrés", "Fernanda", "Raúl"),
        ("Hernández", "Muñoz", "Ramírez", "Peña", "Cruz", "Ibáñez"),
    ),
)


class Person(NamedTuple):
    first_name: str
    last_name: str
    email: str
    phone: str


def invent_person() -> Person:
    """Make somebody up."""
    country = random.choice(COUNTRIES)
    first, last = random.choice(country.first_names), random.choice(country.last_names)
    return Person(
        first_name=first,
        last_name=last,
        # example.com is reserved (RFC 2606): mail to it reaches nobody.
        email=_ascii(f"{first}.{last}@example.com").lower(),
        phone=f"{country.phone_prefix}{random.randrange(10_000):04}",
    )


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
