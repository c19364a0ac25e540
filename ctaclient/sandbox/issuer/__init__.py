"""A small OpenID provider: device and code flow, rotation of refresh tokens, revocation, registration."""
