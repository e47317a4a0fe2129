"""The settings dict `ZENVIA_WEBHOOKS`, read live: a test's settings override just works."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import settings_values as values
from zenvia_webhooks.contracts import CONTRACTS
from zenvia_webhooks.exceptions import ZenviaConfigurationError

T = TypeVar("T")

ACCOUNT_KEYS = ("API_KEY", "CONTRACT", "API_URL", "WIRE_TOPICS", "TIMEOUT", "RECOVER")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A Zenvia account that this site talks to."""

    #: Its alias in `ACCOUNTS`.
    alias: str
    #: Kept out of `repr()`, so that no log or error page shows it.
    api_key: str | None = field(repr=False)
    #: Which of Zenvia's published APIs it speaks.
    contract: str
    #: Base address, without a slash at the end.
    api_url: str
    #: Canonical topic → the string that Zenvia uses for it, if it is not the contract's.
    wire_topics: Mapping[str, str]
    #: Seconds that one call may take.
    timeout: float
    #: Whether beat has it compared with what Zenvia lists, every hour, and recovers what is missing.
    recover: bool = False


class Conf:
    """Typed, checked access to `settings.ZENVIA_WEBHOOKS`.

    Every property raises `ZenviaConfigurationError` if the value is of a wrong kind.
    """

    @property
    def accounts(self) -> dict[str, Account]:
        accounts = self._get("ACCOUNTS", {}, values.mapping)
        return {alias: _account(alias, raw) for alias, raw in accounts.items()}

    def aliases(self) -> list[str]:
        """Return the aliases of the accounts, whatever else may be wrong with them."""
        return list(self._get("ACCOUNTS", {}, values.mapping))

    def account(self, alias: str) -> Account:
        """Return one account.

        Raises ZenviaConfigurationError if there is none of that alias.
        """
        accounts = self._get("ACCOUNTS", {}, values.mapping)
        if alias not in accounts:
            known = ", ".join(map(repr, accounts)) or _("none")
            text = _("ZENVIA_WEBHOOKS['ACCOUNTS'] has no account {alias!r} (it has: {known}).")
            raise ZenviaConfigurationError(format_lazy(text, alias=alias, known=known))
        return _account(alias, accounts[alias])

    def wire_topics(self, alias: str) -> Mapping[str, str]:
        """Return an account's `wire_topics` alone; none for an account that is not in the settings.

        Each webhook needs them, and nothing else of its account.
        """
        raw = self._get("ACCOUNTS", {}, values.mapping).get(alias)
        return {} if raw is None else _wire_topics(alias, raw)

    @property
    def callback_base_url(self) -> str | None:
        """Public origin that Zenvia reaches, without a slash at the end."""
        return self._get("CALLBACK_BASE_URL", None, values.origin)

    @property
    def max_body_bytes(self) -> int:
        return self._get("MAX_BODY_BYTES", 262144, values.positive_int)

    @property
    def max_bytes_per_day(self) -> int:
        """Bytes that one subscription stores in a day, by UTC; beyond, a webhook is answered 429."""
        return self._get("MAX_BYTES_PER_DAY", 2**30, values.positive_int)

    @property
    def stored_headers(self) -> tuple[str, ...]:
        """Names of the request headers kept with an event, in lower case."""
        return self._get("STORED_HEADERS", ("content-type", "user-agent"), values.header_names)

    @property
    def retry_delays(self) -> tuple[float, ...]:
        """Seconds before each further attempt of one delivery."""
        return self._get("RETRY_DELAYS", (10, 30, 120, 600, 1800, 7200, 21600, 86400), values.delays)

    @property
    def lease_seconds(self) -> float:
        return self._get("LEASE_SECONDS", 300, values.positive_number)

    @property
    def batch_size(self) -> int:
        return self._get("BATCH_SIZE", 100, values.positive_int)

    @property
    def atomic_receivers(self) -> bool:
        return self._get("ATOMIC_RECEIVERS", True, values.boolean)

    @property
    def retention_days(self) -> float | None:
        """Days after which finished events are purged; None keeps them."""
        return self._get("RETENTION_DAYS", 90, values.positive_number_or_none)

    @property
    def quiet_hours(self) -> float | None:
        """Hours of silence after which a subscription is reported; None reports none."""
        return self._get("QUIET_HOURS", None, values.positive_number)

    @property
    def alerts(self) -> bool:
        """Whether what is wrong is mailed to the site's `MANAGERS`."""
        return self._get("ALERTS", True, values.boolean)

    @property
    def resolved_statuses(self) -> tuple[str, ...]:
        """Types and statuses of an interaction, in lower case, that make it `interaction.resolved`."""
        return self._get("RESOLVED_STATUSES", ("resolved", "finished", "completed", "closed"), values.words)

    @property
    def phone_regions(self) -> tuple[str, ...]:
        """Countries in which a phone number without a country code is read, in this order: ISO 3166, such as "BR"."""
        return self._get("PHONE_REGIONS", ("BR", "AR", "MX"), values.phone_regions)

    @property
    def digest_key(self) -> str:
        return self._get("DIGEST_KEY", None, values.text) or settings.SECRET_KEY

    def _get(self, key: str, default: Any, read: Callable[[str, Any], T]) -> T:
        # A default passes through the same reader, so both have one type; None stays None if it is the default.
        value = self._dict().get(key, default)
        if value is None and default is None:
            return value  # type: ignore[return-value]  # the reader's type then says `| None`
        return read(f"ZENVIA_WEBHOOKS[{key!r}]", value)

    def _dict(self) -> Mapping[str, Any]:
        value = getattr(settings, "ZENVIA_WEBHOOKS", {})
        if not isinstance(value, Mapping):
            raise ZenviaConfigurationError(_("ZENVIA_WEBHOOKS must be a dict."))
        return value

    def unknown_keys(self) -> list[str]:
        """Return a line for each key that no part of this app reads, with the likeliest name."""
        lines = [_unknown("ZENVIA_WEBHOOKS", key, KEYS) for key in self._dict() if key not in KEYS]
        accounts = self._dict().get("ACCOUNTS")
        for alias, raw in accounts.items() if isinstance(accounts, Mapping) else ():
            where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
            keys = raw if isinstance(raw, Mapping) else ()
            lines += [_unknown(where, key, ACCOUNT_KEYS) for key in keys if key not in ACCOUNT_KEYS]
        return lines


#: Setting → the property that reads it.
KEYS: dict[str, str] = {name.upper(): name for name, value in vars(Conf).items() if isinstance(value, property)}

conf = Conf()


def _unknown(where: str, key: object, known: Any) -> str:
    close = difflib.get_close_matches(str(key).upper(), known, n=1)
    if not close:
        return gettext("%(where)s has no key %(key)r.") % {"where": where, "key": key}
    words = {"where": where, "key": key, "close": close[0]}
    return gettext("%(where)s has no key %(key)r. Did you mean %(close)r?") % words


def _wire_topics(alias: str, raw: Any) -> Mapping[str, str]:
    where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
    wire_topics = values.mapping(f"{where}['WIRE_TOPICS']", values.mapping(where, raw).get("WIRE_TOPICS", {}))
    for canonical, wire in wire_topics.items():
        values.text(f"{where}['WIRE_TOPICS'][{canonical!r}]", wire)
    return wire_topics


def _account(alias: str, raw: Any) -> Account:
    where = f"ZENVIA_WEBHOOKS['ACCOUNTS'][{alias!r}]"
    raw = values.mapping(where, raw)
    name = raw.get("CONTRACT", "help_center")
    if name not in CONTRACTS:
        names = ", ".join(map(repr, CONTRACTS))
        raise values.wrong(f"{where}['CONTRACT']", _("{where} must be one of {names}."), names=names)
    if not 0 < len(alias) <= 100:
        raise ZenviaConfigurationError(_("An alias in ZENVIA_WEBHOOKS['ACCOUNTS'] must have 1 to 100 characters."))
    return Account(
        alias=alias,
        api_key=values.api_key(f"{where}['API_KEY']", raw.get("API_KEY")),
        contract=name,
        api_url=values.url(f"{where}['API_URL']", raw.get("API_URL", CONTRACTS[name].API_URL)),
        wire_topics=_wire_topics(alias, raw),
        timeout=values.positive_number(f"{where}['TIMEOUT']", raw.get("TIMEOUT", 10)),
        recover=values.boolean(f"{where}['RECOVER']", raw.get("RECOVER", False)),
    )
