from django.conf import settings
from django.urls import include, path

from tests.urls import urlpatterns as of_the_host

urlpatterns = list(of_the_host)
if settings.THEME == "grappelli":
    urlpatterns.insert(0, path("grappelli/", include("grappelli.urls")))
