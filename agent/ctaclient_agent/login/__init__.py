"""Getting a login: which client, by which flow, approved by a person at a terminal."""
