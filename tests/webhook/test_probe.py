"""The question that a site asks itself, and what its webhook says to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support.webhooks import payload
from zenvia_webhooks.models import Event
from zenvia_webhooks.redaction import TOKEN
from zenvia_webhooks.webhook import probe


def test_proof_needs_the_key_of_the_site(settings: Any) -> None:
    question = probe.new_question()
    assert TOKEN.fullmatch(question)
    proof = probe.proof(question)
    assert proof is not None
    assert proof not in (question, probe.proof(probe.new_question()))
    assert probe.proof(question) == proof
    settings.ZENVIA_WEBHOOKS = {"DIGEST_KEY": "another site's"}
    assert probe.proof(question) is None


@pytest.mark.parametrize("token", ["0" * 64, "ab" * 32, ""])
def test_token_that_is_no_question_gets_no_proof(token: str) -> None:
    assert probe.proof(token) is None


@pytest.mark.django_db
def test_webhook_proves_its_site_and_stores_nothing(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, caplog: pytest.LogCaptureFixture
) -> None:
    question = probe.new_question()
    answers = {}
    for token, status in ((question, 200), ("0" * 64, 404)):
        with django_assert_num_queries(3):  # one, in a transaction
            answers[token] = client.generic("POST", f"/zenvia/webhook/{token}/", payload("lead_created"))
        assert answers[token].status_code == status
    assert answers[question].json() == {"proof": probe.proof(question)}
    assert answers["0" * 64].json() == {"error": "unknown token"}
    assert not Event.objects.exists()
    # Who reads the log is not alarmed by the doctor's visit.
    assert [record.getMessage() for record in caplog.records] == ["webhook answered 404: {'error': 'unknown token'}"]
