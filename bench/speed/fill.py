"""Stores a backlog in the site's own environment: `python -m bench.speed.fill SUBJECT PATH FIRST NUMBER`."""

from __future__ import annotations

import sys

import django
from django.test import Client

from bench.speed.subjects import BY_NAME


def main(name: str, path: str, first: int, number: int) -> None:
    django.setup()
    client = Client(SERVER_NAME="127.0.0.1")
    for one in range(first, first + number):
        _headers, body = BY_NAME[name].request(one)
        assert client.post(path, body, content_type="application/json").status_code == 200, body


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
