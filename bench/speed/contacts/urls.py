from __future__ import annotations

from django.urls import path

from bench.speed.contacts.views import store

urlpatterns = [path("ceiling/", store)]
