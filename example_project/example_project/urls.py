"""Addresses of the example project."""

from django.contrib import admin
from django.urls import include, path

from crm.views import contacts

urlpatterns = [
    path("", contacts, name="contacts"),
    path("admin/", admin.site.urls),
    path("zenvia/", include("zenvia_webhooks.urls")),
]
