"""Files in and out: each is verified before it gets its final name."""
