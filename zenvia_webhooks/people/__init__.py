"""People in events: by what they are known, and how they are found."""
