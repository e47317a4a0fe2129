"""A test event: what this site sends itself through its callback URL, and how far that has come."""
