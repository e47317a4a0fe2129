"""How what a page, a webhook and a claim cost grows with the number of events stored: see `__main__`."""
