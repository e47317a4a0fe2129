"""A small CRM that takes its contacts from Zenvia."""

# Loaded here so that the web process, too, publishes to this app's broker.
from .celery import app as celery_app

__all__ = ["celery_app"]
