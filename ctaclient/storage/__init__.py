"""What is on the storage: names, entries, listings, and the changes that move no data."""
