"""Forgetting a person: everything that events say about them is deleted, and that something was here stays."""
