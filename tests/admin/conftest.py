from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from tests.support.browser import open_page


@pytest.fixture
def page(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page of a browser, at a web server in this process."""
    # Playwright runs a loop of its own in this thread, in which Django would not touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with open_page(base_url=live_server.url) as page:
        yield page
        # Within the loop, Django has other connections than outside, and nobody else would close them.
        connections.close_all()
