"""Machines that share a store: who holds a lease, each one's key pair, and where that lies."""
