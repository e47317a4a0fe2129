"""`manage.py zenvia_sandbox`: a stand-in Zenvia on localhost."""

from __future__ import annotations

import argparse
import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import CONTRACTS
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.management.base import OwnCommand
from zenvia_webhooks.sandbox import Habits, Sandbox

DEFAULT_KEY = "sandbox-key"


class Command(OwnCommand):
    help = gettext_lazy("Run a stand-in Zenvia on this machine: its APIs, and a page that sends events.")
    # It is there for sites that are not set up yet.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default=8090, help=_("0 picks a free one (default: %(default)s)"))
        parser.add_argument(
            "--api-key",
            help=_("the key that callers must send (default: the account's in settings, else 'sandbox-key')"),
        )

        parser.add_argument(
            "--history",
            type=_count,
            default=0,
            metavar="LEADS",
            help=_(
                "begin with so many leads of the last 24 hours, and four messages each, as if your site had been down"
            ),
        )
        parser.add_argument(
            "--pairs-every",
            type=_count,
            default=0,
            metavar="N",
            help=_("post every Nth event twice at the same moment"),
        )
        parser.add_argument(
            "--impatient-every",
            type=_count,
            default=0,
            metavar="N",
            help=_("post every Nth event without waiting for the answer, and at once again"),
        )

    def handle(self, *_args: Any, port: int, api_key: str | None, **options: Any) -> None:
        try:
            account = conf.accounts.get("default")
            base_url = conf.callback_base_url
        except ZenviaConfigurationError as error:
            raise CommandError(str(error)) from None
        if api_key is not None and not api_key.strip():
            raise CommandError(_("--api-key must not be empty."))
        of_settings = account.api_key if account else None
        sandbox = Sandbox(
            (api_key or of_settings or DEFAULT_KEY).strip(),
            port,
            wire_topics=account.wire_topics if account else None,
            report=self._report,
        )
        sandbox.habits = Habits(pairs_every=options["pairs_every"], impatient_every=options["impatient_every"])
        leads, now = options["history"], timezone.now()
        much = {"leads": leads, "messages": 4 * leads, "quotes": leads // 10}
        sandbox.history.fill(now - timedelta(days=1), now, **much)
        try:
            sandbox.open()
        except OSError as error:
            raise CommandError(_why(port, error)) from None
        with _sigterm_like_ctrl_c():
            try:
                self._introduce(sandbox, api_key, account, base_url, much)
                sandbox.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write(_("Stopped."))
            finally:
                sandbox.close()

    def _introduce(
        self, sandbox: Sandbox, api_key: str | None, account: Account | None, base_url: str | None, much: dict[str, int]
    ) -> None:
        # Only the key that everybody knows is printed.
        if api_key:
            key = '"...",  # ' + _("the --api-key that you gave")
        elif account and account.api_key:
            key = '"...",  # ' + _("as it is now")
        else:
            key = f'"{DEFAULT_KEY}",'
        lines = [
            _("Zenvia sandbox: %(url)s") % {"url": self.style.SUCCESS(f"{sandbox.url}/")},
            "",
            _("To use it, in your settings:"),
            "",
            "    ZENVIA_WEBHOOKS = {",
            '        "ACCOUNTS": {',
            '            "default": {',
            f'                "API_KEY": {key}',
            f'                "API_URL": "{sandbox.api_url}",',
            f'                "CONTRACT": "{account.contract if account else "help_center"}",',
            "            },",
            "        },",
        ]
        if base_url is None:
            lines.append('        "CALLBACK_BASE_URL": "http://127.0.0.1:8000",  # ' + _("where your site runs"))
        lines += [
            "    }",
            "",
            _("It speaks each CONTRACT: %(contracts)s.") % {"contracts": ", ".join(CONTRACTS)},
            *([_listed(much)] if any(much.values()) else []),
            _("Ctrl-C stops it, and it forgets everything."),
            "",
        ]
        self.stdout.write("\n".join(lines))
        # Whoever started us with a pipe waits for the address.
        self.stdout.flush()

    def _report(self, line: str) -> None:
        self.say(f"{timezone.now().astimezone():%H:%M:%S} {line}")
        self.stdout.flush()


def _listed(much: dict[str, int]) -> str:
    return _(
        "%(leads)d leads, %(messages)d messages and %(quotes)d quotes of the last 24 hours are there to be listed."
    ) % {**much}


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # A signal's handler can be set in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text[:6]) > 65535:
        raise argparse.ArgumentTypeError(_("must be a number from 0 to 65535"))
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text[:8]) > 100_000:
        raise argparse.ArgumentTypeError(_("must be a number from 0 to 100000"))
    return int(text)


def _why(port: int, error: OSError) -> str:
    in_use = _("Port %(port)d is in use. Choose another with --port, or let --port 0 pick a free one.")
    unusable = _(
        "Port %(port)d can't be used (%(error)s). Choose another with --port, or let --port 0 pick a free one."
    )
    return (in_use if error.errno == errno.EADDRINUSE else unusable) % {"port": port, "error": error.strerror}
