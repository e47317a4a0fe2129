"""What is wrong with this installation: findings for doctor, dashboard, API and health view to show."""

from zenvia_webhooks.diagnosis.examination import diagnose, readings, verdict
from zenvia_webhooks.diagnosis.findings import Area, Finding, Link, Severity, Verdict

__all__ = ["Area", "Finding", "Link", "Severity", "Verdict", "diagnose", "readings", "verdict"]
