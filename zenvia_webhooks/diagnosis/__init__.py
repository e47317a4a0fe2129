"""What is wrong with this installation: findings for doctor, dashboard, API and health view to show."""

from zenvia_webhooks.diagnosis.examination import diagnose
from zenvia_webhooks.diagnosis.findings import Area, Finding, Severity

__all__ = ["Area", "Finding", "Severity", "diagnose"]
