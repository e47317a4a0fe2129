"""Exit 0 if this container's web server answers; the HEAD of a webhook asks neither for a token nor the database."""

import http.client
import os
import sys
from urllib.parse import urlsplit

host = urlsplit(os.environ["CALLBACK_BASE_URL"]).netloc
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
connection.request("HEAD", "/zenvia/webhook/health/", headers={"Host": host, "X-Forwarded-Proto": "https"})
sys.exit(connection.getresponse().status != 200)
