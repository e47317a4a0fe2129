"""What is measured: ours, and the yardsticks. Each was set up as its own documentation says, then left alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SECRET = "a-secret-of-the-webhook"
#: As a site has it once dj-stripe has asked Stripe, once, whose the key is and has registered the webhook: then storing
#: an event calls nobody.
STRIPE_PREPARE = f"""
from django.conf import settings
from djstripe.models import APIKey, Account, WebhookEndpoint
account = Account.objects.create(id="acct_speed", livemode=False)
key = settings.STRIPE_TEST_SECRET_KEY
APIKey.objects.create(secret=key, type="secret", livemode=False, djstripe_owner_account=account)
values = dict(id="we_speed", url="https://crm.example.com/", enabled_events=["*"], status="enabled", livemode=False)
print(WebhookEndpoint.objects.create(secret="{SECRET}", djstripe_owner_account=account, **values).djstripe_uuid)
"""

#: Headers and body of one request.
Request = tuple[dict[str, str], str]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One way to take a webhook."""

    name: str
    #: What it does with a request, for the table.
    does: str
    path: str
    #: Makes the request with this number; no two are the same.
    request: Callable[[int], Request]
    #: What it stores in. The first has a row for each webhook; all are emptied before each measure.
    tables: tuple[str, ...]
    #: Run once in `manage.py shell`, prints what `{}` in the path stands for.
    prepare: str = "print()"
    #: Run in `manage.py shell`, has the workers look for what is there already.
    wake: str = ""
    #: Whether a site that uses it has a beat, too.
    has_beat: bool = False
    #: For a query: joins a receiver's row, a contact, with the webhook's own row, which has `received_at`.
    of_contact: str = ""


def lead(number: int) -> Request:
    """Return Zenvia's published example, with a number."""
    data = {"leadId": f"lead-{number}", "name": "João Silva", "email": f"joao.{number}@email.com"}
    data["phone"] = f"+55119{number:08}"
    return {}, dump({"topic": "lead.created", "eventTime": "2024-12-09T15:30:00Z", "data": data})


def postmark(number: int) -> Request:
    """Return a delivery notification of Postmark's, as its documentation shows it."""
    body = {
        "RecordType": "Delivery",
        "MessageID": str(uuid.UUID(int=number)),
        "Recipient": f"joao.{number}@example.com",
        "Tag": "welcome",
        "DeliveredAt": "2024-12-09T15:30:00Z",
        "Details": "smtp;250 2.0.0 OK",
        "Metadata": {},
    }
    return {"Authorization": "Basic dXNlcjphLXNlY3JldC1vZi10aGUtd2ViaG9vaw=="}, dump(body)


def github(number: int) -> Request:
    """Return a signed notification about an issue."""
    body = dump({"action": "opened", "issue": {"number": number, "title": "It does not work"}, "installation": {}})
    signature = hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "issues", "X-GitHub-Delivery": str(uuid.UUID(int=number))}
    return {**headers, "X-Hub-Signature-256": f"sha256={signature}"}, body


def stripe(number: int) -> Request:
    """Return a signed event of Stripe's, of a kind that dj-stripe has no model to keep up to date for."""
    body = {
        "id": f"evt_{number:024}",
        "object": "event",
        "api_version": "2024-06-20",
        "created": 1733758200,
        "data": {
            "object": {
                "object": "balance",
                "livemode": False,
                "available": [{"amount": number, "currency": "brl", "source_types": {"card": number}}],
                "pending": [{"amount": 0, "currency": "brl", "source_types": {"card": 0}}],
            }
        },
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "balance.available",
    }
    text, now = dump(body), int(time.time())
    signature = hmac.new(SECRET.encode(), f"{now}.{text}".encode(), hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={now},v1={signature}"}, text


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def requests(subject: Subject, first: int, number: int) -> Iterator[str]:
    """Yield a line a request for the load generator: headers as `name: value`, body, all separated by tabs."""
    for one in range(first, first + number):
        headers, body = subject.request(one)
        yield "\t".join([*(f"{name}: {value}" for name, value in headers.items()), body])


SUBJECTS = (
    Subject(
        name="ceiling",
        does="Django parses JSON and inserts one row through the ORM",
        path="/hooks/ceiling/",
        request=lead,
        tables=("contacts_notification",),
    ),
    Subject(
        name="django-anymail",
        does="checks a secret; a receiver stores one row, in the request",
        path="/hooks/postmark/tracking/",
        request=postmark,
        tables=("contacts_notification",),
    ),
    Subject(
        name="django-github-app",
        does="checks a signature and stores one row",
        path="/hooks/github/",
        request=github,
        tables=("django_github_app_eventlog",),
    ),
    Subject(
        name="dj-stripe",
        does="checks a signature, stores the request, then the event, and notes that it was processed",
        path="/hooks/stripe/webhook/{}/",
        request=stripe,
        tables=("djstripe_webhookeventtrigger", "djstripe_event"),
        prepare=STRIPE_PREPARE,
    ),
    Subject(
        name="by hand",
        does="a DRF serializer, one row and task.delay(), as most would write it",
        path="/hooks/by-hand/",
        request=lead,
        tables=("by_hand_lead",),
        of_contact="by_hand_lead USING (lead_id)",
    ),
    Subject(
        name="ours",
        does="all that the README promises",
        path="/hooks/webhook/{}/",
        request=lead,
        # What belongs to an event is emptied with it.
        tables=("zenvia_webhooks_event",),
        prepare=(
            "from zenvia_webhooks.models import Subscription; "
            "print(Subscription.objects.create(topics=['lead.created'], status='active').token)"
        ),
        wake="from zenvia_webhooks import wakeup; wakeup.publish()",
        has_beat=True,
        of_contact="zenvia_webhooks_event ON payload -> 'data' ->> 'leadId' = lead_id",
    ),
)
BY_NAME = {subject.name: subject for subject in SUBJECTS}
