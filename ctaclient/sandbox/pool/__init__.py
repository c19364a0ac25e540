"""A double of a dCache pool's HTTP mover: it knows ids, not people."""
