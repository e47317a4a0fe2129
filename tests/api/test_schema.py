"""The OpenAPI schema: valid, without warnings, and true of what is answered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.management.commands import spectacular
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.support import receivers
from tests.support.paths import PAYLOADS
from tests.support.webhooks import post
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import event_received, lead_created

API = "/zenvia/api/"
INSTALLED = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}

pytestmark = pytest.mark.django_db


def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).utcoffset() is not None


FORMATS = FormatChecker()
FORMATS.checks("date-time", ValueError)(is_moment)


@pytest.fixture(params=["installed", "not installed"])
def spectacular_settings(request: pytest.FixtureRequest, settings: Any) -> None:
    if request.param == "installed":
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "drf_spectacular"]
        settings.REST_FRAMEWORK = getattr(settings, "REST_FRAMEWORK", {}) | INSTALLED


@pytest.fixture
def schema(admin_client: Client) -> dict[str, Any]:
    """The schema as it is served."""
    schema: dict[str, Any] = admin_client.get(f"{API}schema/", {"format": "json"}).json()
    return schema


def strict(schema: Any) -> Any:
    """Return the JSON Schema of an OpenAPI schema, in which objects have what is described and nothing else."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: strict(value) for key, value in schema.items() if key != "nullable"}
    if "properties" in inner:
        inner["additionalProperties"] = False
    return {"anyOf": [inner, {"type": "null"}]} if schema.get("nullable") is True else inner


def errors(schema: dict[str, Any], operation: dict[str, Any], answer: Any) -> list[ValidationError]:
    """Return what is wrong with an answer by the schema of its operation."""
    described = operation["responses"][str(answer.status_code)]["content"][answer["Content-Type"]]["schema"]
    whole = strict({**described, "components": schema["components"]})
    return list(Draft202012Validator(whole, format_checker=FORMATS).iter_errors(answer.json()))


@pytest.fixture
def events(client: Client, subscription: Subscription) -> list[Event]:
    """An event of every payload that there is, each handed to two receivers; and one that is no JSON."""
    lead_created.connect(receivers.create_customer)
    event_received.connect(receivers.broken)
    for file in sorted(PAYLOADS.glob("*.json")):
        post(client, subscription, file.read_bytes())
    while dispatch_due():
        pass
    post(client, subscription, b"\xff")
    return list(Event.objects.all())


@pytest.mark.usefixtures("spectacular_settings")
def test_the_schema_of_a_host_is_valid_and_without_warnings(tmp_path: Path) -> None:
    file = tmp_path / "schema.yaml"
    call_command(spectacular.Command(), "--fail-on-warn", "--validate", "--file", str(file))
    paths = yaml.safe_load(file.read_text())["paths"]
    assert {path: sorted(methods) for path, methods in paths.items() if path.startswith(API)} == {
        f"{API}deliveries/": ["get"],
        f"{API}events/": ["get"],
        f"{API}events/{{id}}/": ["get"],
        f"{API}events/{{id}}/replay/": ["post"],
        f"{API}subscriptions/": ["get"],
        f"{API}subscriptions/{{id}}/": ["get"],
    }


@pytest.mark.usefixtures("spectacular_settings")
def test_the_schema_that_is_served_is_valid_and_of_this_api_alone(admin_client: Client) -> None:
    answer = admin_client.get(f"{API}schema/")
    served = yaml.safe_load(answer.content)
    validate_schema(served)
    assert len(served["paths"]) == 6
    assert all(path.startswith(API) for path in served["paths"])
    assert all(name.startswith(("Zenvia", "PaginatedZenvia")) for name in served["components"]["schemas"])
    assert "no-store" in answer["Cache-Control"]


def test_every_answer_fits_the_schema(
    admin_client: Client, schema: dict[str, Any], events: list[Event], subscription: Subscription
) -> None:
    checked = 0
    for path, operations in schema["paths"].items():
        rows = events if "events" in path else [subscription]
        for row in rows if "{id}" in path else rows[:1]:
            for method, operation in operations.items():
                answer = admin_client.generic(method.upper(), path.replace("{id}", str(row.pk)))
                if answer.status_code == 409 and row.status == Event.Status.QUARANTINED:
                    continue
                assert not errors(schema, operation, answer), path
                checked += 1
    assert checked >= 2 * len(events) + 3


def test_an_event_without_a_subscription_fits_the_schema(
    admin_client: Client, schema: dict[str, Any], events: list[Event], subscription: Subscription
) -> None:
    subscription.delete()
    for path, url in [("events/", "events/"), ("events/{id}/", f"events/{events[0].pk}/")]:
        answer = admin_client.get(API + url)
        assert not errors(schema, schema["paths"][API + path]["get"], answer)


def test_each_parameter_is_in_the_schema(admin_client: Client, schema: dict[str, Any]) -> None:
    for kind in ("events", "deliveries", "subscriptions"):
        described = {one["name"] for one in schema["paths"][f"{API}{kind}/"]["get"]["parameters"]}
        refusal = admin_client.get(f"{API}{kind}/", {"unknown": "1"}).json()["unknown"][0]
        assert set(refusal.partition("There are: ")[2].rstrip(".").split(", ")) == described


def test_ids_are_numbers_and_a_status_is_one_of_its_words(schema: dict[str, Any]) -> None:
    for path in ("events/{id}/", "events/{id}/replay/", "subscriptions/{id}/"):
        (operation,) = schema["paths"][API + path].values()
        assert [(one["name"], one["schema"]["type"]) for one in operation["parameters"]] == [("id", "integer")]
    status = schema["components"]["schemas"]["ZenviaSubscription"]["properties"]["status"]
    assert status["allOf"][0]["enum"] == Subscription.Status.values
