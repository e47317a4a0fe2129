"""HTTP to a stored row."""
