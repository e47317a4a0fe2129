"""What a user sees of a person who may see events, but not what is in them."""

from __future__ import annotations

from typing import Any

from zenvia_webhooks.contracts.masking import HIDDEN as HIDDEN
from zenvia_webhooks.contracts.masking import hide as hide
from zenvia_webhooks.contracts.masking import mask as mask
from zenvia_webhooks.contracts.masking import masked as masked

#: Django's permission to see names, addresses, numbers, texts and errors; without it they are masked.
VIEW_PAYLOAD = "zenvia_webhooks.view_payload"


def may_see(request: Any) -> bool:
    """Tell whether the user of a request, Django's or the API's, may see what is in events."""
    return bool(request.user.has_perm(VIEW_PAYLOAD))
