"""A site with made-up people, and every page of ours as a browser shows it."""
