from __future__ import annotations

from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Company(TenantMixin):  # type: ignore[misc]  # the package has no types
    """A tenant, in a schema of its own."""

    name = models.CharField(max_length=100)
    auto_create_schema = True


class Domain(DomainMixin):  # type: ignore[misc]  # as above
    pass
