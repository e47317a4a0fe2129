"""`manage.py zenvia_doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.diagnosis import Area, Finding, Severity, diagnose
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.redaction import printable


class Command(OwnCommand):
    help = _(
        "Looks for what is wrong with this installation, and says what to do. Ends with 1 where something is broken."
    )
    #: A project that they find fault with is the one to look at.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help=gettext("print %(json)s")
            % {
                "json": '{"is_broken": ..., "findings": [{"id", "area", "severity", "text", "fix", "detail", "about", '
                '"link"}, ...]}'
            },
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found: list[Finding] = []
        for finding in diagnose():
            found.append(finding)
            if not options["json"]:
                self.show(finding)
        is_broken = any(finding.severity == Severity.BROKEN for finding in found)
        if options["json"]:
            findings = [asdict(finding) for finding in found]
            self.stdout.write(json.dumps({"is_broken": is_broken, "findings": findings}, indent=2))
        else:
            problems = sum(finding.is_problem for finding in found)
            self.stdout.write(
                gettext("Problems: %(count)d.") % {"count": problems} if problems else gettext("Nothing is wrong.")
            )
        if is_broken:
            sys.exit(1)

    def show(self, finding: Finding) -> None:
        """Print one line, and under it what else there is to say."""
        area = f"{finding.area.label!s:<{width(Area)}}"
        self.stdout.write(f"{self.coloured(finding.severity)}  {area}  {printable(finding.text)}")
        for more in filter(None, (finding.detail, finding.fix)):
            self.stdout.write(" " * (width(Severity) + 2) + printable(more))

    def coloured(self, severity: Severity) -> str:
        styles: dict[Severity, Callable[[str], str]] = {
            Severity.OK: self.style.SUCCESS,
            Severity.WARNING: self.style.WARNING,
            Severity.BROKEN: self.style.ERROR,
        }
        word = f"{severity.label!s:<{width(Severity)}}"
        return styles[severity](word) if severity in styles else word


def width(words: type[TextChoices]) -> int:
    """Return the length of the longest of these words, in the present language."""
    return max(len(str(label)) for label in words.labels)
