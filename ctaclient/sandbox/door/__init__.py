"""A double of a dCache WebDAV door: names, rights and redirects; the bytes are the pool's."""
