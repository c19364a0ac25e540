"""Who and where: paths, profiles, and where each setting came from."""
