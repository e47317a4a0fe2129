"""What several commands ask for: moments and people on a command line, and a yes."""

from __future__ import annotations

from datetime import datetime, time

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import localize
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _


def confirmed(question: str) -> bool:
    """Ask on the terminal; raises CommandError where there is nobody to ask."""
    try:
        choice = _("[y/N]")
        answer = input(f"{question} {choice} ").strip().lower()
        return answer in ("y", "yes", *_("y yes").split())
    except (EOFError, RuntimeError):  # the latter without any standard stream
        raise CommandError(_("There is nobody to ask: give --no-input.")) from None


def plain(number: float) -> str:
    """Return a number in the reader's format, without decimals where there are none."""
    return str(localize(int(number) if number == int(number) else number))


def moment(text: str) -> datetime:
    """Return the moment that an argument names, in the site's time zone; raises ValueError for none."""
    day = parse_date(text) if len(text) <= 10 else None
    named = datetime.combine(day, time.min) if day else parse_datetime(text)
    if named is None:
        raise ValueError(text)
    return make_aware(named) if is_naive(named) else named


def add_person(parser: CommandParser) -> None:
    """Have a command take what a person is found by, as `text`."""
    text = _("""a phone number in any notation, such as "(11) 98765-4321", an e-mail address, or a lead's id""")
    parser.add_argument("text", metavar="TEXT", help=text)
