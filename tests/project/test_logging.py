"""The logging that the README and the example set up, against what writes paths."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project.test_readme import READMES, blocks, read
from tests.support.paths import EXAMPLE, ROOT

TOKEN = "0123456789abcdef" * 4

SPEAK = """
import logging, logging.config
from django.utils.log import DEFAULT_LOGGING

logging.config.dictConfig(DEFAULT_LOGGING)
# As these servers do before they load a site.
for name in SERVERS:
    logging.getLogger(name).addHandler(logging.StreamHandler())
    logging.getLogger(name).propagate = False
logging.config.dictConfig(LOGGING)
logging.getLogger("urllib3.connectionpool").setLevel("DEBUG")
for name in ("urllib3.connectionpool", "django.request", "django.server", "celery.worker", *SERVERS):
    try:
        raise OSError("POST /zenvia/webhook/" + TOKEN)
    except OSError:
        extra = {"server_time": "now", "status_code": 200}
        words = (name, f"POST /zenvia/webhook/{TOKEN}/", 404)
        logging.getLogger(name).error('%s "%s" %d', *words, exc_info=True, extra=extra)
"""
SERVERS = ("gunicorn.access", "gunicorn.error", "uvicorn", "uvicorn.access")
README = """
INSTALLED_APPS = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
%s
SERVERS = ()
"""
EXAMPLES = f"""
from example_project.settings import LOGGING
SERVERS = {SERVERS!r}
"""


@pytest.mark.parametrize("settings", [*READMES, "example"])
def test_no_token_gets_out_whoever_writes_the_path(settings: str) -> None:
    setup = EXAMPLES if settings == "example" else README % settings_block(settings)
    done = subprocess.run(
        [sys.executable, "-c", f"TOKEN = {TOKEN!r}\n{setup}{SPEAK}"],
        cwd=EXAMPLE,
        env={"PYTHONPATH": str(ROOT), "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "example_project.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    names = ("urllib3.connectionpool", "django.request", "django.server", "celery.worker")
    for name in (*names, *(SERVERS if settings == "example" else ())):
        assert done.stderr.count(f'{name} "POST /zenvia/webhook/012345…/" 404') == 1, done.stderr
    assert TOKEN not in done.stderr


def settings_block(name: str) -> str:
    [block] = [block for block in blocks(read(name), "python") if "LOGGING = " in block]
    return block
