"""From an empty database to a test event that reached every receiver: the set-up page, and the test event's own."""
