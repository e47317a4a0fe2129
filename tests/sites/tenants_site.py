"""What django-tenants' host does with one lead: it comes in at a tenant's domain, and is handed out by a worker."""

from __future__ import annotations

from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from tests.shop.models import Customer  # noqa: E402
from tests.sites.tenants.models import Company, Domain  # noqa: E402
from tests.support.webhooks import envelope, path_of  # noqa: E402
from zenvia_webhooks import signals  # noqa: E402
from zenvia_webhooks.models import Event, Subscription  # noqa: E402


def create_customer(sender: Any, event: Event, **kwargs: Any) -> Customer:
    """Do as the README says: enter the tenant."""
    with schema_context("acme"):
        return Customer.objects.create(name=event.lead.name if event.lead and event.lead.name else "")


def main() -> None:
    call_command("check")
    call_command("migrate_schemas", verbosity=0)
    for schema in ("acme", "other"):
        company = Company.objects.create(schema_name=schema, name=schema)
        Domain.objects.create(domain=f"{schema}.example.com", tenant=company, is_primary=True)
    signals.lead_created.connect(create_customer)
    row = Subscription.objects.create(topics=["lead.created"])
    answer = Client().post(
        path_of(row), envelope(leadId="1", name="João"), content_type="application/json", HTTP_HOST="acme.example.com"
    )
    # As a new process begins.
    connection.set_schema_to_public()  # type: ignore[attr-defined]  # of django-tenants' own backend
    call_command("zenvia_dispatch_events", verbosity=0)
    print("answer", answer.status_code, "event", Event.objects.get().status)  # noqa: T201  # whoever started it reads it
    for schema in ("acme", "other"):
        with schema_context(schema):
            print(schema, [customer.name for customer in Customer.objects.all()])  # noqa: T201  # as above


main()
