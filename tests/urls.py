from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("zenvia/", include("zenvia_webhooks.urls")),
    path("zenvia/api/", include("zenvia_webhooks.api.urls")),
]
