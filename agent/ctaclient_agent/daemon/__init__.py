"""The agent that runs in the background: its loop, its socket, what it tells the user and the service manager."""
