"""The agent's messages and their client half: one JSON line there, one back, over a private Unix socket."""
