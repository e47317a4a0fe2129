"""What the app's page in the admin says first: whether all is well, and how much came in and went out."""
