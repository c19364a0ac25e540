"""One HTTP/1.1 server over TLS for issuer, door and pool: exchange in, answer out."""
