"""Small things with no room of their own: clock, private files, redaction, origins, hints. Standard library only."""
