"""The engine: handing events to receivers."""
