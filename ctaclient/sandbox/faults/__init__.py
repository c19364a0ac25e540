"""Scripted misbehaviour: each fault happens to one request, once."""
