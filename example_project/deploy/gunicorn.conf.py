"""gunicorn's settings: `gunicorn --config deploy/gunicorn.conf.py example_project.wsgi`.

One process, as compose.yaml starts two of these; see docs/production.md for what was measured.
"""

import logging
from pathlib import Path
from typing import Any

from zenvia_webhooks.redaction import RedactTokens

worker_class = "gthread"
workers = 1
threads = 4
# Longer than nginx keeps an idle connection to us, so that it is never gunicorn that closes under a request.
keepalive = 75
# A webhook is answered in milliseconds, or nobody waits for the answer any more.
timeout = 30
# Its heartbeat is a file that it touches, which on a container's own disk may take too long.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # no data is in it
# Its control socket has one path for all gunicorns of a user: the second to start takes it from the first, or fails to
# and logs an error.
control_socket_disable = True
# None: nginx writes one. If you do want it, then without %(r)s, %(U)s and %(f)s, which hold the token:
# accesslog = "-"
access_log_format = '%(h)s "%(m)s" %(s)s %(B)s %(M)sms'


def on_starting(server: Any) -> None:
    """Keep tokens out of gunicorn's own log, which names a request's path when its worker is stopped."""
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).addFilter(RedactTokens())
