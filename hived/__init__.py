"""hived: the daemon that keeps the books, decides and supervises; it never runs a turn."""
