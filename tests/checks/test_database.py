"""System checks of what this app runs on; see also tests/models/test_character_sets.py and tests/test_broker.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.checks.registry import registry
from django.db import DatabaseError

from zenvia_webhooks.checks import ALL_CHECKS, DATABASE_CHECKS, check_caches, check_character_set, database
from zenvia_webhooks.diagnosis.database import check_database


def test_each_is_registered() -> None:
    assert {*ALL_CHECKS, *DATABASE_CHECKS} <= registry.registered_checks


@pytest.mark.parametrize(("name", "found"), [("utf8", []), ("latin1", ["zenvia_webhooks.W012"])])
def test_a_character_set_that_loses_text_is_reported(
    monkeypatch: pytest.MonkeyPatch, name: str, found: list[str]
) -> None:
    monkeypatch.setattr(database, "character_set", lambda *of: name)
    assert [message.id for message in check_character_set(databases=["default"])] == found
    assert check_character_set(databases=["another"]) == check_character_set() == []


@pytest.mark.django_db(transaction=True)
def test_the_doctor_reports_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "character_set", lambda *of: "latin1")
    assert [finding.id for finding in check_database()] == ["zenvia_webhooks.W012"]


def test_a_database_that_can_not_be_asked_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*of: Any) -> str:
        raise DatabaseError

    monkeypatch.setattr(database, "character_set", fail)
    assert check_character_set(databases=["default"]) == []


@pytest.mark.parametrize(("uncachable", "found"), [([], ["zenvia_webhooks.W013"]), (["zenvia_webhooks"], [])])
def test_cachalot_is_told_of(
    settings: Any, monkeypatch: pytest.MonkeyPatch, uncachable: list[str], found: list[str]
) -> None:
    settings.CACHALOT_UNCACHABLE_APPS = uncachable
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "cachalot")
    assert [message.id for message in check_caches()] == found


@pytest.mark.parametrize(
    ("profiles", "found"),
    [
        ({}, []),
        ({"shop.*": {"ops": "all", "timeout": 60}}, []),
        ({"*.*": {"timeout": 60}}, []),
        ({"*.*": {"ops": "get", "timeout": 60}}, ["zenvia_webhooks.E008"]),
        ({"*.*": {"ops": "get", "timeout": 60}, "zenvia_webhooks.*": None}, []),
        ({"zenvia_webhooks.Event": {"ops": "fetch", "timeout": 60}}, ["zenvia_webhooks.E008"]),
    ],
)
def test_cacheops_is_refused_where_it_caches_our_tables(
    settings: Any, monkeypatch: pytest.MonkeyPatch, profiles: Any, found: list[str]
) -> None:
    settings.CACHEOPS = profiles
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "cacheops")
    assert [message.id for message in check_caches()] == found
