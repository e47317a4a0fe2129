"""A host's app: what receivers of the tests write to."""
