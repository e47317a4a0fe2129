"""Logging without tokens: the path of a webhook is a secret, and others than zenvia_webhooks log paths."""

import logging
import re

TOKEN = re.compile("[0-9a-f]{64}")


class MaskTokens(logging.Filter):
    """Replaces what looks like a webhook's token in a message."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = TOKEN.sub("<token>", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True
