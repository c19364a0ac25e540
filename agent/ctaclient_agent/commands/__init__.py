"""What the agent's program does on a terminal: start, logout, install."""
