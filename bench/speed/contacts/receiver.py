"""What is done with a lead: a row, after a while where that is asked for, in the subject's own way of calling it."""

from __future__ import annotations

import os
import time

from bench.speed.contacts.models import Contact

SECONDS = float(os.environ.get("SPEED_RECEIVER_SECONDS", "0"))


def save_contact(lead_id: str, name: str) -> None:
    if SECONDS:
        time.sleep(SECONDS)
    Contact.objects.create(lead_id=lead_id, name=name)
