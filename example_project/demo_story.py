"""One lead's way from the stand-in Zenvia to a contact, told from what the database really holds."""

import json
from datetime import datetime, timedelta
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from demo_services import DemoFailed, Services
from django.contrib.auth import get_user_model
from django.utils import timezone

from crm.models import Contact
from example_project.celery import app
from zenvia_webhooks.models import Delivery, Event, Subscription

USER = PASSWORD = "admin"
TOPIC = "lead.created"

# The servers are on this machine: no proxy knows them.
_http = build_opener(ProxyHandler({}))


def prepare(services: Services, web_url: str, sandbox_url: str) -> None:
    """Make the admin's user, and wait until everything that was started is at work."""
    get_user_model()._default_manager.create_superuser(USER, password=PASSWORD)
    services.wait_for("the web server", lambda: answers(web_url), log="web")
    services.wait_for("the sandbox", lambda: answers(sandbox_url), log="sandbox")
    services.wait_for("the worker", lambda: app.control.ping(timeout=0.5), log="worker")


def tell(services: Services, sandbox_url: str) -> None:
    """Register, have a lead sent, and print each step with its time. Raises DemoFailed if one is missing."""
    services.run("register", "manage.py", "zenvia_register_subscription")
    subscription = services.wait_for("an active subscription", active_subscription, log="register")
    took = subscription.updated_at - subscription.created_at
    print(f"\nA subscription for {TOPIC}:")
    step("registered", f"at the stand-in Zenvia, which calls it {subscription.remote_id}", took)

    sent_at = timezone.now()
    answer = send(services, sandbox_url, subscription.remote_id)
    print("A lead, with the time since Zenvia sent it:")
    # Answered only after it was stored, and so the later of the two.
    step("received", f"our webhook answered {answer['status']} {answer['body']}", since(sent_at))

    event = services.wait_for("the event", lambda: subscription.events.first(), log="web")
    step("stored", f"as event {event.pk}: {len(event.body)} bytes", event.received_at - sent_at)

    delivery = services.wait_for("the receiver", lambda: delivered(event), log="worker")
    if delivery.status != Delivery.Status.SUCCEEDED or delivery.finished_at is None:
        raise services.failure(f"{delivery.receiver} failed: {delivery.error}", "worker")
    fired_at = delivery.finished_at - timedelta(milliseconds=delivery.duration_ms or 0)
    step("signal fired", f"lead_created, in a Celery worker, for {delivery.receiver}", fired_at - sent_at)

    lead_id = event.lead and event.lead.lead_id
    contact = services.wait_for("the contact", lambda: Contact.objects.filter(lead_id=lead_id).first(), log="worker")
    step("contact created", f"{contact.name}, {contact.email}, {contact.phone}", contact.created_at - sent_at)


def active_subscription() -> Subscription | None:
    """Return the subscription that Zenvia has confirmed, if there is one by now."""
    active = Subscription.objects.filter(status=Subscription.Status.ACTIVE).exclude(remote_id="")
    # In Python, as SQLite can't look into a JSON list.
    return next((subscription for subscription in active if TOPIC in subscription.topics), None)


def delivered(event: Event) -> Delivery | None:
    """Return the handing of the event to its receiver, once it has been tried."""
    return event.deliveries.filter(attempts__gt=0).exclude(finished_at=None, error="").first()


def send(services: Services, sandbox_url: str, remote_id: str) -> dict[str, object]:
    """Press the button on the stand-in's page. Returns what our webhook answered it: status and body."""
    form = urlencode({"subscription": remote_id, "topic": TOPIC}).encode()
    request = Request(f"{sandbox_url}/send", form, {"Accept": "application/json"})
    try:
        with _http.open(request, timeout=30) as response:
            answer: dict[str, object] = json.load(response)
    except (OSError, HTTPException, ValueError) as error:
        raise services.failure(f"the stand-in Zenvia could not send the lead: {error}", "sandbox") from None
    if answer.get("status") != 200:
        raise services.failure(f"our webhook answered {answer}", "web")
    return answer


def answers(url: str) -> bool:
    """Tell whether a server answers there. Raises DemoFailed if it answers with an error."""
    try:
        with _http.open(f"{url}/", timeout=5):
            return True
    except HTTPError as error:
        raise DemoFailed(f"{url}/ answered {error.code}") from None
    except OSError:
        return False


def since(moment: datetime) -> timedelta:
    """Return the time that has passed."""
    return timezone.now() - moment


def step(name: str, text: str, took: timedelta) -> None:
    """Print one step. The database's clock counts milliseconds, ours less: nothing is before its cause."""
    print(f"  {max(0, took.total_seconds()):6.3f} s  {name:<16} {text}", flush=True)
