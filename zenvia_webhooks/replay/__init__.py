"""Handing many stored events to receivers once more: which, and the job that does it."""
