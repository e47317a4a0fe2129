"""For the templates of the admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib import admin
from django.template.context import RequestContext

from zenvia_webhooks.admin.dashboard.page import context_of

register = template.Library()


@register.inclusion_tag("admin/zenvia_webhooks/dashboard.html", takes_context=True)
def zenvia_webhooks_dashboard(context: RequestContext) -> dict[str, Any]:
    """Show the dashboard. The page's own address says which admin site it is of."""
    request = context["request"]
    site = request.resolver_match.namespace if request.resolver_match else admin.site.name
    return {"request": request, "user": context.get("user"), **context_of(request, site or admin.site.name)}
