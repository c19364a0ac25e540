"""A small OpenID provider with the device flow (RFC 8628), rotation of refresh tokens and revocation."""
