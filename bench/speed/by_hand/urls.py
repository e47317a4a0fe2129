from __future__ import annotations

from django.urls import path

from bench.speed.by_hand.views import Webhook

urlpatterns = [path("by-hand/", Webhook.as_view())]
