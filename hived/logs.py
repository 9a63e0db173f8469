"""hived's own log."""
