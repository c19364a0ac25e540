"""Keeping logins fresh: when, by which machine, one refresh, and the threads that do it."""
