import os

from django.urls import include, path

from tests.urls import urlpatterns as of_the_host

urlpatterns = list(of_the_host)
if os.environ["SITE_THEME"] == "grappelli":
    urlpatterns.insert(0, path("grappelli/", include("grappelli.urls")))
