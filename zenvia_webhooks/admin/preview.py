"""A registration as it will be sent, to look at before it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.conf import Account
from zenvia_webhooks.contracts import get_contract

DOTS = "••••••"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One request, but for the key."""

    topics: list[str]
    callback_url: str
    request: str


def preview(account: Account, topics: Sequence[str], token: str) -> Preview:
    """Return the request that registers these topics. Raises ZenviaConfigurationError without a callback URL."""
    contract, url = get_contract(account.contract), callback_url(token)
    call = contract.create_call(topics, url, account.wire_topics)
    credentials = contract.credentials(DOTS)
    query = "&".join(f"{name}={value}" for name, value in credentials.params.items())
    headers = {**credentials.headers, "Content-Type": "application/json"}
    lines = [f"{call.method} {account.api_url}{call.path}" + f"?{query}" * bool(query)]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["", (call.content or b"").decode()]
    return Preview(topics=list(topics), callback_url=url, request="\n".join(lines))
