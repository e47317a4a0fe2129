"""The URL of the subject's webhook, under one prefix for all."""

from __future__ import annotations

from django.urls import include, path

from bench.speed.host.settings import SUBJECT

URLS = {
    "ceiling": "bench.speed.contacts.urls",
    "by hand": "bench.speed.by_hand.urls",
    "django-anymail": "anymail.urls",
    "django-github-app": "bench.speed.with_github_app.urls",
    "dj-stripe": "bench.speed.with_stripe.urls",
    "ours": "zenvia_webhooks.urls",
}

urlpatterns = [path("hooks/", include(URLS[SUBJECT]))]
