"""What is measured: ours, and the yardsticks. Each was set up as its own documentation says, then left alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SECRET = "a-secret-of-the-webhook"

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
    #: Counts what is stored.
    count: str
    #: Run once in `manage.py shell`, prints what `{}` in the path stands for.
    prepare: str = "print()"
    #: Run once in `manage.py shell`, has the workers look for what is there already.
    wake: str = ""


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
        count="SELECT count(*) FROM contacts_notification",
    ),
    Subject(
        name="django-anymail",
        does="checks a secret; a receiver stores one row, in the request",
        path="/hooks/postmark/tracking/",
        request=postmark,
        count="SELECT count(*) FROM contacts_notification",
    ),
    Subject(
        name="django-github-app",
        does="checks a signature and stores one row",
        path="/hooks/github/",
        request=github,
        count="SELECT count(*) FROM django_github_app_eventlog",
    ),
    Subject(
        name="by hand",
        does="a DRF serializer, one row and task.delay(), as most would write it",
        path="/hooks/by-hand/",
        request=lead,
        count="SELECT count(*) FROM by_hand_lead",
    ),
    Subject(
        name="ours",
        does="all that the README promises",
        path="/hooks/webhook/{}/",
        request=lead,
        count="SELECT count(*) FROM zenvia_webhooks_event",
        prepare=(
            "from zenvia_webhooks.models import Subscription; "
            "print(Subscription.objects.create(topics=['lead.created'], status='active').token)"
        ),
        wake="from zenvia_webhooks import wakeup; wakeup.publish()",
    ),
)
BY_NAME = {subject.name: subject for subject in SUBJECTS}
