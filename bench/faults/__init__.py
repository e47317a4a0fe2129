"""Real processes on real servers, broken one by one, and a count of what came through: docs/reliability.md."""
