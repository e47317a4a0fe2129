"""The ceiling: Django parses JSON and inserts one row through the ORM, and nothing else."""

from __future__ import annotations

import json

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from bench.speed.contacts.models import Notification


@csrf_exempt
def store(request: HttpRequest) -> JsonResponse:
    stored = Notification.objects.create(payload=json.loads(request.body))
    return JsonResponse({"id": stored.pk})
