"""A query string that is written onto the wire and nowhere else.

urllib3 logs each request's path with its query and names it in warnings and errors; error trackers and tracing read it
off the HTTP library. So the library is not told of the query: the connection adds it to the bytes that are sent.
"""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool


class SecretQueryAdapter(HTTPAdapter):
    """Send every request with a query string, already encoded, that no URL in the program shows."""

    def __init__(self, query: str) -> None:
        # Read by the parent's constructor.
        self._pools = {
            "http": _pool(HTTPConnectionPool, query),
            "https": _pool(HTTPSConnectionPool, query),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Connection:
    """What is put before one of urllib3's connection classes."""

    _query: bytes
    _target: bytes | None = None

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._target = f"{method} {url}".encode("ascii")
        super().putrequest(method, url, *args, **kwargs)  # type: ignore[misc]  # urllib3's

    def send(self, data: Any) -> None:
        # The first bytes of a request are its head; before them, a proxy may be asked for a tunnel.
        if self._target is not None and isinstance(data, bytes) and data.startswith(self._target + b" HTTP/"):
            joint = b"&" if b"?" in self._target else b"?"
            data = self._target + joint + self._query + data[len(self._target) :]
            self._target = None
        super().send(data)  # type: ignore[misc]  # urllib3's


def _pool(kind: type[HTTPConnectionPool], query: str) -> type[HTTPConnectionPool]:
    connection = type("_Connection", (_Connection, kind.ConnectionCls), {"_query": query.encode("ascii")})
    return type("_Pool", (kind,), {"ConnectionCls": connection})
