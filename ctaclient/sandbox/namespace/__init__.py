"""What door and pool share: names, the tree of files, digests, ranges and the transfers between the two."""
