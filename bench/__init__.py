"""Load and faults: what the suite does not run."""
