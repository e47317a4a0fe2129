"""Zenvia's webhooks for Django: subscribe from the admin, store every event, fire signals through Celery."""
