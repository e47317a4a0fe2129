"""The web servers that are compared: their commands, and how each keeps connections to the database."""

from __future__ import annotations

import sys
from dataclasses import dataclass

WSGI, ASGI = "bench.speed.host.wsgi:application", "bench.speed.host.asgi:application"


@dataclass(frozen=True, kw_only=True)
class WebServer:
    name: str
    #: A module and its arguments; `{port}` and `{workers}` are filled in.
    command: str
    #: "kept" by each thread, "closed" after each request, or a "pool" of the process. Under ASGI none is kept, as
    #: Django's documentation says.
    connections: str = "kept"

    def arguments(self, port: int, workers: int) -> list[str]:
        return [sys.executable, "-m", *self.command.format(port=port, workers=workers).split()]


_GUNICORN = "gunicorn --no-control-socket --workers {workers} --bind 127.0.0.1:{port} --log-level warning " + WSGI
_UVICORN = (
    "uvicorn --workers {workers} --host 127.0.0.1 --port {port} --log-level warning --no-access-log --lifespan off "
)
_GRANIAN = "granian --workers {workers} --host 127.0.0.1 --port {port} --log-level warning --interface "

GUNICORN = WebServer(name="gunicorn, sync", command=_GUNICORN)
SERVERS = (
    GUNICORN,
    WebServer(name="gunicorn, 4 threads", command=_GUNICORN + " --worker-class gthread --threads 4"),
    WebServer(name="uvicorn", command=_UVICORN + ASGI, connections="closed"),
    WebServer(name="uvicorn, pool", command=_UVICORN + ASGI, connections="pool"),
    WebServer(name="granian, WSGI", command=_GRANIAN + "wsgi " + WSGI),
    WebServer(name="granian, ASGI, pool", command=_GRANIAN + "asginl " + ASGI, connections="pool"),
)
