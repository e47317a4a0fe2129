"""Real processes on real servers, broken one after the other; and a count of what came through. See docs/reliability.md."""
